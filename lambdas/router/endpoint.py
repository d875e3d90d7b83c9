"""The call of the endpoint, and what each of its failures means to a client of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from lambdas.router.failover import BY_WEIGHT, Failover
from lambdas.router.http import JSON, ApiError, unavailable
from model_code.tasks.task import Task

# The endpoint is there but can't answer now.
_TRANSIENT = frozenset(
    {
        "InternalDependencyException",
        "InternalFailure",
        "ModelNotReadyException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

# Whether nobody is left to be asked after the call -> a boto3 SageMaker runtime client.
Clients = Callable[[bool], Any]


class Scored(NamedTuple):
    """Answers in the order of the records, and the variant that gave them."""

    answers: list[dict[str, Any]]
    variant: str
    failed_over: bool = False
    """Whether the variant that the endpoint chose first could not answer, or was not asked."""
    asked: tuple[str, ...] = ()
    """The calls that were made: by name, or empty by weight."""


class _AttemptFailedError(Exception):
    """One call that brought no predictions; another variant may."""

    def __init__(self, answer: ApiError, *, hung: bool = False) -> None:
        super().__init__(answer)
        self.answer = answer
        self.hung = hung


def score(
    clients: Clients,
    failover: Failover,
    task: Task,
    endpoint: str,
    records: list[dict[str, Any]],
    *,
    request_id: str,
    variant: str,
) -> Scored:
    """Ask the endpoint, and its other variants if the one it chose fails.

    SageMaker does not say which variant failed, so each is asked by name. Who asks for one variant
    gets that one or an error.

    Args:
        clients: gives the client of a call, by whether it is the last one.
        failover: the endpoint's variants, and what is known of them.
        task: what the model predicts.
        endpoint: its name.
        records: values of valid records, classified ones as pseudonyms.
        request_id: becomes the inference id, by which captured data is found again.
        variant: ``champion``, ``challenger``, or empty: by weight.

    Raises:
        ApiError: 503 when it may succeed later, 502 when the model refused the request or the
            variant asked for failed, 400 for a variant that the endpoint doesn't have.
    """
    request = {
        "EndpointName": endpoint,
        "ContentType": JSON,
        "Accept": JSON,
        "Body": json.dumps({"instances": records}, allow_nan=False).encode("ascii"),
        "InferenceId": request_id,
    }
    return _Request(clients, failover, task, request, len(records), variant).scored()


@dataclass(slots=True)
class _Request:
    """One request to the API: the calls made for it, and how they failed."""

    clients: Clients
    failover: Failover
    task: Task
    call: dict[str, Any]
    expected: int
    variant: str
    asked: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    failure: ApiError | None = None

    def scored(self) -> Scored:
        """Call by call until one answers."""
        plan = [self.variant] * 2 if self.variant else self.failover.plan()
        while plan:
            chosen, *plan = plan
            rest = self.failover.rest(chosen, plan)
            try:
                return self._ask(chosen, last=not rest)
            except _AttemptFailedError as error:
                self.failure = error.answer
                if error.hung:
                    self.hung.append(chosen)
                    plan = rest
            except ApiError as error:
                if not self._may_pass(error):
                    raise
        if self.variant and self.failure:
            raise self.failure
        raise unavailable("no variant could answer; try again later")

    def _ask(self, chosen: str, *, last: bool) -> Scored:
        self.asked.append(chosen)
        body, answered = _attempt(self.clients(last), self.call, chosen)
        found = _answers(self.task, body, self.expected)
        self.failover.learn(answered, self.hung)
        failed_over = not self.variant and (self._avoiding or self.failure is not None)
        return Scored(found, answered, failed_over, tuple(self.asked))

    @property
    def _avoiding(self) -> bool:
        return self.asked[0] != BY_WEIGHT

    def _may_pass(self, error: ApiError) -> bool:
        """A variant that we chose may be gone, or the endpoint is just being changed."""
        if self.variant:
            return False
        return self.failure is not None or (self._avoiding and error.status == 400)


def _attempt(client: Any, request: dict[str, Any], variant: str) -> tuple[bytes, str]:
    target = {"TargetVariant": variant} if variant else {}
    try:
        response = client.invoke_endpoint(**request, **target)
        body = response["Body"].read()
    except ClientError as error:
        raise _translated(error, variant) from error
    except BotoCoreError as error:
        answer = unavailable("the endpoint can't be reached; try again later")
        hung = isinstance(error, ReadTimeoutError)
        raise _AttemptFailedError(answer, hung=hung) from error
    return body, response.get("InvokedProductionVariant", "")


def _translated(error: ClientError, variant: str) -> Exception:
    code = error.response["Error"]["Code"]
    message = error.response["Error"].get("Message", "").lower()
    if code == "ModelError":
        answer = ApiError(502, "model_error", "the model failed on this request")
        refused = 400 <= int(error.response.get("OriginalStatusCode") or 500) < 500
        return answer if refused else _AttemptFailedError(answer)
    if code in _TRANSIENT:
        answer = unavailable("the endpoint is overloaded or not ready; try again later")
        return _AttemptFailedError(answer)
    if code in ("ValidationError", "ValidationException"):
        if variant and "variant" in message:
            return ApiError(400, "not_allowed", f"the endpoint has no variant {variant}")
        return unavailable("the endpoint is not in service; try again later")
    return ApiError(502, "endpoint_error", "the endpoint refused the call")


def _answers(task: Task, body: bytes, expected: int) -> list[dict[str, Any]]:
    """Read the answer, distrusting it: fewer predictions would go to the wrong records."""
    try:
        found = [task.answer(task.read(one)) for one in json.loads(body)["predictions"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        found = []
    if len(found) != expected:
        answer = ApiError(502, "model_error", "the model's answer is not one prediction a record")
        raise _AttemptFailedError(answer)
    return found
