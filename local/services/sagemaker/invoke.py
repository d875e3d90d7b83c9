"""InvokeEndpoint: choose a variant, ask its server, count, capture, answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from urllib.parse import unquote

from local.engines.errors import ServiceError, validation
from local.services.sagemaker import endpoints, metrics
from local.services.sagemaker.capture import Exchange
from local.services.sagemaker.server import Answer, ServerError, ServerTimeoutError

MAX_BODY = 6_291_456
# A container that hangs holds its callers for a minute; those of the others must not wait for it.
_waiting = ThreadPoolExecutor(max_workers=256, thread_name_prefix="invocation")
Response = tuple[int, dict[str, str], bytes]
_PASSED_ON = ("content-type", "accept")
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TARGET = "x-amzn-sagemaker-target-variant"
_CONTAINER = "primary"
_TIMED_OUT = (
    f"Your invocation timed out while waiting for a response from container {_CONTAINER}. Review "
    "the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
_UNSUPPORTED = (
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-target-container-hostname",
    "x-amzn-sagemaker-inference-component",
    "x-amzn-sagemaker-session-id",
    "x-amzn-sagemaker-enable-explanations",
)


async def handle(path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Serve POST /endpoints/{name}/invocations; the container's work runs off the event loop."""
    try:
        work = partial(copy_context().run, _invoke, endpoint_name(path), headers, body)
        return await asyncio.get_running_loop().run_in_executor(_waiting, work)
    except ServiceError as error:
        # The runtime API answers unknown endpoints and variants as ValidationError.
        code = "ValidationError" if error.code == "ValidationException" else error.code
        return refused(error.status, code, error.message)


def endpoint_name(path: str) -> str:
    """The endpoint a runtime request names; ValidationException for any other path."""
    parts = path.strip("/").split("/")
    if len(parts) != 3 or parts[0] != "endpoints" or parts[2] != "invocations":
        raise validation(f"The local platform serves /endpoints/<name>/invocations, not {path}.")
    return unquote(parts[1])


def refused(status: int, code: str, message: str, **more: object) -> Response:
    """An error of the runtime API."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({"Message": message, "ErrorCode": code, **more}).encode()


def _invoke(name: str, headers: Mapping[str, str], body: bytes) -> Response:
    started = time.perf_counter()
    for header in _UNSUPPORTED:
        if header in headers:
            raise validation(f"{header} is not in the local platform.")
    if len(body) > MAX_BODY:
        raise validation(f"The body has {len(body)} bytes; at most {MAX_BODY} are allowed.")
    endpoint: endpoints.Endpoint = endpoints.find(name)["_endpoint"]
    fleet = endpoint.route()
    variant, config = fleet.choose(headers.get(_TARGET)), fleet.config["EndpointConfigName"]
    passed = {key: headers[key] for key in _PASSED_ON if key in headers}
    for key in (_ATTRIBUTES, _INFERENCE_ID):
        if key in headers:
            passed[key] = headers[key]
    try:
        answer = variant.server.invoke(body, passed)
    except ServerError as error:
        overhead = (time.perf_counter() - started) * 1e6
        metrics.count(
            name, variant.name, config=config, instances=variant.instances, status=503,
            model_microseconds=None, overhead_microseconds=overhead,
        )  # fmt: skip
        late = isinstance(error, ServerTimeoutError)
        return _model_error(name, 0, _TIMED_OUT) if late else _no_answer(str(error))
    overhead = (time.perf_counter() - started) * 1e6 - answer.microseconds
    metrics.count(
        name, variant.name, config=config, instances=variant.instances, status=answer.status,
        model_microseconds=answer.microseconds, overhead_microseconds=overhead,
    )  # fmt: skip
    if answer.status != 200:
        return _model_error(name, answer.status, answer.body.decode(errors="replace"))
    if endpoint.capture is not None:
        endpoint.capture.add(_exchange(variant.name, headers, body, answer))
    return 200, _answer_headers(variant.name, answer), answer.body


def _answer_headers(variant: str, answer: Answer) -> dict[str, str]:
    given = {
        "Content-Type": answer.content_type,
        "x-Amzn-Invoked-Production-Variant": variant,
    }
    # What the model says of its answer; the caller's own attributes only reach the container.
    if _ATTRIBUTES in answer.headers:
        given["X-Amzn-SageMaker-Custom-Attributes"] = answer.headers[_ATTRIBUTES]
    return given


def _exchange(variant: str, headers: Mapping[str, str], body: bytes, answer: Answer) -> Exchange:
    return Exchange(
        variant=variant,
        request=body,
        request_type=headers.get("content-type", "application/octet-stream"),
        answer=answer.body,
        answer_type=answer.content_type,
        inference_id=headers.get(_INFERENCE_ID),
        custom_attributes=headers.get(_ATTRIBUTES),
    )


def _model_error(endpoint: str, status: int, text: str) -> Response:
    """The container is named, not its variant: nobody learns which one was chosen by weight.

    https://github.com/RamVegiraju/SageMaker-Deployment/issues/3
    """
    message = (
        f"Received {'client' if 400 <= status < 500 else 'server'} error ({status}) from "
        f'{_CONTAINER} with message "{text[:500]}". See the log group '
        f"/aws/sagemaker/Endpoints/{endpoint} for more information."
    )
    return refused(
        424, "ModelError", message, OriginalMessage=text[:10_000], OriginalStatusCode=status
    )


def _no_answer(reason: str) -> Response:
    """A container that does not run answers 503."""
    return refused(503, "ServiceUnavailable", f"The variant is not available: {reason}")
