"""What the SageMaker, Glue and Step Functions extensions rely on, without starting a platform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ministack")

from local.emulator import private_tables
from local.engines.container import images
from local.engines.errors import ServiceError
from local.engines.process import JobDirectory
from local.services.glue import engine
from local.services.sagemaker import extension, service, types, wire
from local.services.states import executions


def test_every_private_name_we_attach_to_exists() -> None:
    assert engine.PRINCIPAL and executions.SYNC and types.TYPES
    assert private_tables.problems() == []


def test_a_name_that_moved_is_reported() -> None:
    names = private_tables.PINNED.setdefault("ministack.services.glue", {})
    names["_no_such_function"] = "callable"
    try:
        assert private_tables.problems() == ["ministack.services.glue._no_such_function: missing"]
    finally:
        del names["_no_such_function"]


def test_every_operation_exists_in_the_service_model() -> None:
    known = set(wire.service_model("sagemaker").operation_names)
    assert set(service.operations()) <= known


def test_operation_that_is_not_local_says_so() -> None:
    request = {
        "PipelineName": "p",
        "ClientRequestToken": "x" * 32,
        "RoleArn": "arn:aws:iam::1:role/r",
    }
    request |= {"PipelineDefinition": "{}"}
    request["RoleArn"] = "arn:aws:iam::123456789012:role/some-role"
    with pytest.raises(ServiceError, match="CreatePipeline is not in the local platform"):
        service.call("CreatePipeline", request)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"Colour": "blue"}, "Unknown parameter"),
        ({"ModelName": "-x"}, "regular expression"),
        ({"ModelName": "x" * 64}, "less than or equal to 63"),
        ({"ModelName": 3}, "Invalid type"),
        ({"PrimaryContainer": {"Mode": "Both"}}, "enum value set"),
    ],
)
def test_input_is_held_to_the_model(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ServiceError, match=word) as caught:
        wire.check_input("sagemaker", "CreateModel", {"ModelName": "m", **change})
    assert caught.value.code == "ValidationException"


def test_missing_members_of_an_answer_are_a_bug() -> None:
    with pytest.raises(RuntimeError, match="EndpointArn"):
        wire.check_output("sagemaker", "DescribeEndpoint", {"EndpointName": "e"})


def test_requests_are_authorised_on_their_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "get_region", lambda: "eu-west-1")
    monkeypatch.setattr(extension, "get_account_id", lambda: "123456789012")
    prefix = "arn:aws:sagemaker:eu-west-1:123456789012:"

    def arns(operation: str, body: bytes) -> list[str]:
        headers = {"x-amz-target": f"SageMaker.{operation}"} if operation else {}
        return extension.resource_arns("POST", "/endpoints/e/invocations", headers, body, {})

    assert arns("", b"") == [prefix + "endpoint/e"]
    assert arns("CreateModel", b'{"ModelName": "m"}') == [prefix + "model/m"]
    assert arns("ListModels", b"{}") == ["*"]
    both = b'{"EndpointName": "e", "EndpointConfigName": "c"}'
    assert arns("UpdateEndpoint", both) == [prefix + "endpoint/e", prefix + "endpoint-config/c"]
    assert arns("CreateModelPackage", b'{"ModelPackageGroupName": "g"}') == [
        prefix + "model-package-group/g",
        prefix + "model-package/g/*",
    ]


def test_container_paths_move_into_the_job_directory(tmp_path: Path) -> None:
    directory = JobDirectory(tmp_path / "ml")
    base = str(tmp_path / "ml")
    assert directory.rewrite("/opt/ml/processing/in") == f"{base}/processing/in"
    assert directory.rewrite("--data=/opt/ml/x,/opt/ml/y") == f"--data={base}/x,{base}/y"
    assert directory.rewrite("/opt/mlflow /srv/opt/ml/x") == "/opt/mlflow /srv/opt/ml/x"
    with pytest.raises(ValueError, match="not under"):
        directory.at("/etc/passwd")
    with pytest.raises(ValueError, match="leaves"):
        directory.at("/opt/ml/../../etc")


@pytest.mark.parametrize(
    ("image", "runs"),
    [
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0", True),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0-cpu-py3", True),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1-cpu-py3", False),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1", False),
        ("docker.io/library/python:3.11", False),
        (None, False),
    ],
)
def test_only_the_image_whose_packages_are_here_runs(image: str | None, runs: bool) -> None:
    assert images.runs(image) is runs
