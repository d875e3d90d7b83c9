"""The call of the endpoint, and what each of its failures means to a client of the API."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.router.http import JSON, ApiError, unavailable

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


class Scored(NamedTuple):
    """Probabilities in the order of the records, and the variant that gave them."""

    probabilities: list[float]
    variant: str


def score(
    client: Any, endpoint: str, records: list[dict[str, Any]], *, request_id: str, variant: str
) -> Scored:
    """Ask the endpoint.

    Args:
        client: a boto3 SageMaker runtime client.
        endpoint: its name.
        records: values of valid records, classified ones as pseudonyms.
        request_id: becomes the inference id, by which captured data is found again.
        variant: ``champion``, ``challenger``, or empty: by weight.

    Raises:
        ApiError: 503 when it may succeed later, 502 when the model failed, 400 for a variant that
            the endpoint doesn't have.
    """
    chosen = {"TargetVariant": variant} if variant else {}
    try:
        response = client.invoke_endpoint(
            EndpointName=endpoint,
            ContentType=JSON,
            Accept=JSON,
            Body=json.dumps({"instances": records}, allow_nan=False).encode("ascii"),
            InferenceId=request_id,
            **chosen,
        )
        body = response["Body"].read()
    except ClientError as error:
        raise _translated(error, variant) from error
    except BotoCoreError as error:
        raise unavailable("the endpoint can't be reached; try again later") from error
    return Scored(_probabilities(body, len(records)), response.get("InvokedProductionVariant", ""))


def _translated(error: ClientError, variant: str) -> ApiError:
    code = error.response["Error"]["Code"]
    message = error.response["Error"].get("Message", "").lower()
    if code == "ModelError":
        return ApiError(502, "model_error", "the model failed on this request")
    if code in _TRANSIENT:
        return unavailable("the endpoint is overloaded or not ready; try again later")
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
        raise ApiError(502, "model_error", "the model's answer is not one probability a record")
    return found
