"""What a caller of InvokeEndpoint sees of the container: refusals, headers, what is captured."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.load import load_deployment
from core import names
from local.services.sagemaker import invoke, server
from stacks.training.seed_model import seed_model
from tests.support import sagemaker as support
from tests.support.endpoints import Endpoints, capture_config, captured, container
from tests.support.sagemaker import unique

pytestmark = pytest.mark.platform
JSON = "application/json"
ATTRIBUTES = """
from sagemaker_containers.beta.framework import worker
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    if body == "plain":
        return "plain"
    return worker.Response(body, headers={"X-Amzn-SageMaker-Custom-Attributes": "from-the-model"})
"""


def exchanges(world: Endpoints, name: str) -> list[dict[str, Any]]:
    """What was captured; deletion of the endpoint stores the last of it."""
    world.sagemaker.delete_endpoint(EndpointName=name)
    return [event["captureData"] for event in captured(world, name)]


@pytest.fixture
def seed(world: Endpoints) -> str:
    """An endpoint with the seed model of the flights contract; who reads its capture deletes it."""
    archive = Path(seed_model(load_deployment("dev").contract)).read_bytes()
    url = support.put(world.platform, world.bucket, "seed.tar.gz", archive)
    name = unique("seed")
    world.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer=container(url)
    )
    config = world.config({"v": (name, 1.0)}, DataCaptureConfig=capture_config(world.bucket))
    return world.endpoint(config)


def test_a_refusal_of_the_serving_code_reaches_the_caller(world: Endpoints, seed: str) -> None:
    for body, content_type, status, code in (
        (b"[" * 20_000, JSON, 400, "not_json"),
        (b'{"instances": []}', JSON, 400, "out_of_range"),
        (b"1,2", "text/csv", 415, "content_type"),
    ):
        with pytest.raises(world.runtime.exceptions.ModelError) as refused:
            world.runtime.invoke_endpoint(EndpointName=seed, ContentType=content_type, Body=body)
        answer = refused.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert answer["OriginalStatusCode"] == status
        assert json.loads(answer["OriginalMessage"])["error"]["code"] == code


def test_an_error_names_the_container_and_not_the_variant(world: Endpoints, seed: str) -> None:
    with pytest.raises(world.runtime.exceptions.ModelError) as refused:
        world.runtime.invoke_endpoint(EndpointName=seed, ContentType=JSON, Body=b"[]")
    said = refused.value.response["Error"]["Message"]
    assert said.startswith("Received client error (400) from primary with message")


class Silent(server.ModelServer):
    """A container that runs, at a socket of the test's."""

    def __init__(self, path: Path) -> None:
        self._path, self._ready = path, True

    @property
    def socket(self) -> str:
        return str(self._path)


def test_a_request_that_is_not_answered_in_time_is_a_model_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    variant = SimpleNamespace(name="champion", instances=1, server=Silent(path))
    fleet = SimpleNamespace(choose=lambda _: variant, config={"EndpointConfigName": "one"})
    record = {"_endpoint": SimpleNamespace(route=lambda: fleet)}
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(invoke.endpoints, "find", lambda _: record)
    monkeypatch.setattr(invoke.metrics, "count", lambda *_, **__: None)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        status, headers, body = invoke._invoke("flights", {}, b"{}")
    answer = json.loads(body)
    assert (status, headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert answer["OriginalStatusCode"] == 0
    assert answer["OriginalMessage"].startswith("Your invocation timed out while waiting")


def test_a_body_beyond_the_limit_never_reaches_the_container(world: Endpoints, seed: str) -> None:
    body = b" " * (6_291_456 + 1)
    code = support.error_code(
        lambda: world.runtime.invoke_endpoint(EndpointName=seed, ContentType=JSON, Body=body)
    )
    assert code == "ValidationError"


def test_answers_are_captured_as_json(world: Endpoints, seed: str) -> None:
    body = json.dumps({"instances": [{"flight_id": "one"}]})
    answer = world.runtime.invoke_endpoint(
        EndpointName=seed, ContentType=JSON, Accept="*/*", Body=body
    )
    assert answer["ContentType"] == JSON
    (exchange,) = exchanges(world, seed)
    assert exchange["endpointInput"]["data"] == body
    assert exchange["endpointOutput"]["encoding"] == "JSON"
    (prediction,) = json.loads(exchange["endpointOutput"]["data"])["predictions"]
    assert prediction["record_id"] == "one"


def test_attributes_are_the_models_own_and_a_plain_string_is_captured_in_base64(
    world: Endpoints,
) -> None:
    model = world.model("attributes", ATTRIBUTES)
    config = world.config({"v": (model, 1.0)}, DataCaptureConfig=capture_config(world.bucket))
    name = world.endpoint(config)

    def ask(body: str) -> dict[str, Any]:
        answer: dict[str, Any] = world.runtime.invoke_endpoint(
            EndpointName=name, ContentType=JSON, Body=body, CustomAttributes="from-the-caller"
        )
        return answer

    assert ask("{}")["CustomAttributes"] == "from-the-model"
    plain = ask("plain")
    assert "CustomAttributes" not in plain
    assert plain["ContentType"] == "text/html; charset=utf-8"
    encodings = sorted(one["endpointOutput"]["encoding"] for one in exchanges(world, name))
    assert encodings == ["BASE64", "JSON"]


def test_a_model_without_the_variables_of_pip_never_gets_into_service(world: Endpoints) -> None:
    url = support.put(world.platform, world.bucket, "old.tar.gz", support.model_archive("old"))
    old = container(url)
    for name in names.PIP_ENVIRONMENT:
        del old["Environment"][name]
    model, endpoint = unique("old"), unique("old")
    world.sagemaker.create_model(ModelName=model, ExecutionRoleArn=world.role, PrimaryContainer=old)
    config = world.config({"v": (model, 1.0)})
    world.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    found = world.settled(endpoint)
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    assert "InstallModuleError" in found["FailureReason"]
