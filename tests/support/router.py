"""The router with a runtime and a clock of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from core.records import pseudonymiser
from lambdas.router import handler as functions
from lambdas.router.endpoint import score
from lambdas.router.failover import (
    BRISK_SECONDS,
    PATIENT_SECONDS,
    Failover,
)
from lambdas.router.logic import Router
from model_code import tasks
from tests.support.records import KEY


class Runtime:
    """A SageMaker runtime client that records its calls and answers or fails as told."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.failure: Exception | None = None
        self.dead: set[str] = set()
        self.hung: set[str] = set()
        self.seconds = 0.0
        self.last = False
        self.chosen = "champion"
        self.body: bytes | None = None

    def invoke_endpoint(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        if self.failure is not None:
            raise self.failure
        variant = arguments.get("TargetVariant", self.chosen)
        settings = functions.call_settings(PATIENT_SECONDS if self.last else BRISK_SECONDS)
        self.seconds += settings.connect_timeout
        if variant in self.hung:
            self.seconds += settings.read_timeout
            raise ReadTimeoutError(endpoint_url="https://internal")
        if variant in self.dead:
            raise failure("ModelError", "Received server error (500)")
        instances = json.loads(arguments["Body"])["instances"]
        predictions = [
            {"record_id": one["flight_id"], "probability": one["flight_number"] / 10_000}
            for one in instances
        ]
        body = self.body or json.dumps({"predictions": predictions}).encode()
        return {"Body": io.BytesIO(body), "InvokedProductionVariant": variant}

    def client(self, last: bool) -> Runtime:
        """Itself, as the client of one call."""
        self.last = last
        return self

    def asked(self) -> list[str]:
        """The variants of the calls since the last look; empty by weight."""
        found = [call.get("TargetVariant", "") for call in self.calls]
        self.calls.clear()
        return found


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


class Clock:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["champion,challenger"])
def failover(request: pytest.FixtureRequest, clock: Clock) -> Failover:
    return Failover(request.param.split(","), clock)


@pytest.fixture(autouse=True)
def deployed(
    flights_contract: dict[str, Any],
    runtime: Runtime,
    failover: Failover,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """The handler with a router over the recording client."""
    router = Router(
        contract=flights_contract,  # type: ignore[arg-type]
        batch_records=3,
        pseudonymiser=lambda: pseudonymiser(KEY),
        score=lambda records, request_id, variant: score(
            runtime.client, failover, tasks.of(flights_contract), "flights-dev", records,
            request_id=request_id, variant=variant,
        ),
    )  # fmt: skip
    monkeypatch.setattr(functions, "_router", lambda: router)
    yield


def an_event(
    body: Any, path: str = "/predictions", method: str = "POST", **headers: str
) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "path": f"/flights{path}",
        "headers": {"Content-Type": "application/json", **headers},
        "requestContext": {"requestId": "request-1"},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def call_router(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = functions.handler(event, object())
    assert response["headers"]["X-Content-Type-Options"] == "nosniff"
    assert response["headers"]["Cache-Control"] == "no-store"
    return response["statusCode"], json.loads(response["body"])


def failure(code: str, message: str = "", **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "InvokeEndpoint")
