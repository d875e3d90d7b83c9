"""The call of the endpoint, and what each of its failures means to a client of the API."""

from __future__ import annotations

import json
import math
import time
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.router.http import JSON, ApiError, unavailable
from lambdas.shared.names import VARIANTS

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


# An attempt takes at most connect and read timeout (handler.CALL_SETTINGS); after this no other
# one would end before API Gateway gives up at 29 s.
LATEST_ATTEMPT_SECONDS = 18.0


class Scored(NamedTuple):
    """Probabilities in the order of the records, and the variant that gave them."""

    probabilities: list[float]
    variant: str
    failed_over: bool = False
    """Whether the variant that the endpoint chose first could not answer."""


class _AttemptFailedError(Exception):
    """One call that brought no predictions; another variant may."""

    def __init__(self, answer: ApiError) -> None:
        super().__init__(answer)
        self.answer = answer


def score(
    client: Any, endpoint: str, records: list[dict[str, Any]], *, request_id: str, variant: str
) -> Scored:
    """Ask the endpoint, and its other variants if the one it chose fails.

    SageMaker does not say which variant failed, so each is asked by name. Who asks for one variant
    gets that one or an error.

    Args:
        client: a boto3 SageMaker runtime client.
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
    latest = time.monotonic() + LATEST_ATTEMPT_SECONDS
    failure: ApiError | None = None
    for chosen in (variant,) * 2 if variant else ("", *VARIANTS):
        if failure and time.monotonic() > latest:
            break
        try:
            probabilities, answered = _attempt(client, request, chosen, len(records))
        except _AttemptFailedError as error:
            failure = error.answer
        except ApiError:
            # After a failure: the endpoint has no such variant, or is just being changed.
            if variant or failure is None:
                raise
        else:
            return Scored(probabilities, answered, failed_over=bool(failure) and not variant)
    if variant and failure:
        raise failure
    raise unavailable("no variant could answer; try again later")


def _attempt(
    client: Any, request: dict[str, Any], variant: str, expected: int
) -> tuple[list[float], str]:
    target = {"TargetVariant": variant} if variant else {}
    try:
        response = client.invoke_endpoint(**request, **target)
        body = response["Body"].read()
    except ClientError as error:
        raise _translated(error, variant) from error
    except BotoCoreError as error:
        answer = unavailable("the endpoint can't be reached; try again later")
        raise _AttemptFailedError(answer) from error
    return _probabilities(body, expected), response.get("InvokedProductionVariant", "")


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


def _probabilities(body: bytes, expected: int) -> list[float]:
    """Read the answer, distrusting it: fewer predictions would go to the wrong records."""
    try:
        found = [float(one["probability"]) for one in json.loads(body)["predictions"]]
    except (ValueError, TypeError, KeyError):
        found = []
    if len(found) != expected or not all(math.isfinite(one) for one in found):
        answer = ApiError(502, "model_error", "the model's answer is not one probability a record")
        raise _AttemptFailedError(answer)
    return found
