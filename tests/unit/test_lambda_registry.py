"""The registry: what is registered, once, and where the champion's model lies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from lambdas.registry import handler as functions
from lambdas.registry.logic import Candidate, metadata, model_data_url, package_request
from lambdas.shared.errors import BadRequestError
from model_code import tasks
from tests.support.records import KEEP_SESSION
from tests.support.spark_jobs import CONTRACT

PARAMETER = "/millrace/t/dev/models/champion"
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/flights/1"
INTERVAL = {"value": 0.5, "low": 0.48, "high": 0.52}
EVALUATION: dict[str, Any] = {
    "candidate": {"log_loss": INTERVAL, "auc": INTERVAL, "rows": 750},
    "champion": {"log_loss": INTERVAL, "auc": INTERVAL, "rows": 750},
    "difference": {"log_loss": {"value": -0.02, "low": -0.03, "high": -0.01}},
}
TASK = tasks.of(CONTRACT)
CANDIDATE = Candidate(
    run_id="run-1",
    training_job="job-1",
    model_data_url="s3://artifacts/models/job-1/output/model.tar.gz",
    evaluation_uri="s3://artifacts/evaluations/late/run-1/evaluation.json",
    contract_version="1.0.0",
    snapshots={"events": "8141573262213092372", "labels": "17"},
)
REGISTER = {
    "operation": "register",
    "run_id": "run-1",
    "training_job": "job-1",
    "model_data_url": CANDIDATE.model_data_url,
    "snapshots": CANDIDATE.snapshots,
}


@pytest.fixture
def deployed(
    aws_environment: None, contract_beside_code: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stubber]:
    """The handler with moto's S3 and Parameter Store, and a stubbed, validating SageMaker."""
    monkeypatch.setenv("MILLRACE_PACKAGE_GROUP", "flights")
    monkeypatch.setenv("MILLRACE_IMAGE_URI", "141502667606.dkr.ecr.eu-west-1.amazonaws.com/x:3.2-0")
    monkeypatch.setenv("MILLRACE_CHAMPION_PARAMETER", PARAMETER)
    monkeypatch.setenv("MILLRACE_ARTIFACTS_BUCKET", "artifacts")
    monkeypatch.setenv("MILLRACE_MODEL", "late")
    for cached in (functions._environment, functions._ssm, functions._s3):
        cached.cache_clear()
    with mock_aws(config=KEEP_SESSION):
        boto3.client("ssm").put_parameter(Name=PARAMETER, Value=PACKAGE, Type="String")
        place: Any = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration=place)
        boto3.client("s3").put_object(
            Bucket="artifacts",
            Key="evaluations/late/run-1/evaluation.json",
            Body=json.dumps(EVALUATION),
        )
        client = boto3.client("sagemaker")
        monkeypatch.setattr(functions, "_sagemaker", lambda: client)
        with Stubber(client) as stub:
            yield stub
            stub.assert_no_pending_responses()
    for cached in (functions._environment, functions._ssm, functions._s3):
        cached.cache_clear()


def test_the_champion_is_what_the_pointer_names(deployed: Stubber) -> None:
    package = {
        "ModelPackageName": "flights",
        "ModelPackageArn": PACKAGE,
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {
            "Containers": [{"Image": "image", "ModelDataUrl": "s3://artifacts/seed.tar.gz"}]
        },
    }
    deployed.add_response("describe_model_package", package, {"ModelPackageName": PACKAGE})
    assert functions.handler({"operation": "champion"}, None) == {
        "package_arn": PACKAGE,
        "model_data_url": "s3://artifacts/seed.tar.gz",
    }


def test_a_candidate_is_registered_with_origin_and_metrics(deployed: Stubber) -> None:
    image = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/x:3.2-0"
    expected = package_request("flights", image, CANDIDATE, EVALUATION, TASK)
    deployed.add_response("create_model_package", {"ModelPackageArn": PACKAGE + "2"}, expected)
    assert functions.handler(REGISTER, None) == {"package_arn": PACKAGE + "2"}
    container = expected["InferenceSpecification"]["Containers"][0]
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert expected["ModelApprovalStatus"] == "Approved"


def test_a_repeated_call_carries_the_same_token() -> None:
    first, second = (package_request("g", "i", CANDIDATE, EVALUATION, TASK) for _ in range(2))
    assert first["ClientToken"] == second["ClientToken"]
    assert len(first["ClientToken"]) <= 36


def test_the_card_holds_metrics_with_intervals_in_allowed_characters() -> None:
    odd = Candidate(**{**_fields(CANDIDATE), "run_id": 'a"b' + "x" * 400})
    card = metadata(odd, EVALUATION, TASK)
    assert card["log_loss"] == "0.50000 0.48000 to 0.52000"
    assert card["log_loss_difference_to_champion"] == "-0.02000 -0.03000 to -0.01000"
    assert card["run_id"].startswith("a b")
    assert all(0 < len(value) <= 256 for value in card.values())


def test_an_undefined_metric_is_left_out_of_the_card() -> None:
    evaluation = {**EVALUATION, "candidate": {**EVALUATION["candidate"], "auc": None}}
    assert "auc" not in metadata(CANDIDATE, evaluation, TASK)
    assert "log_loss" in metadata(CANDIDATE, evaluation, TASK)


def _fields(candidate: Candidate) -> dict[str, str]:
    return {name: getattr(candidate, name) for name in candidate.__slots__}


@pytest.mark.parametrize(
    "event",
    [
        {"operation": "delete"},
        {**REGISTER, "training_job": ""},
    ],
)
def test_the_handler_refuses_what_it_does_not_know(
    deployed: Stubber, event: dict[str, str]
) -> None:
    with pytest.raises(BadRequestError):
        functions.handler(event, None)


def test_a_package_without_model_is_an_error() -> None:
    source = {"S3DataSource": {"S3Uri": "s3://a/b"}}
    uncompressed = {"InferenceSpecification": {"Containers": [{"ModelDataSource": source}]}}
    assert model_data_url(uncompressed) == "s3://a/b"
    with pytest.raises(LookupError, match="has no model data"):
        model_data_url({"ModelPackageArn": PACKAGE})


@pytest.mark.parametrize("snapshots", [None, {}, {"events": 17}, "17"])
def test_a_package_says_of_which_snapshots_it_is(deployed: Stubber, snapshots: object) -> None:
    """As text: numbers of this size lose their last digits in a state machine."""
    with pytest.raises(BadRequestError, match="snapshots"):
        functions.handler(REGISTER | {"snapshots": snapshots}, None)
    card = metadata(CANDIDATE, EVALUATION, TASK)
    assert (card["events_snapshot"], card["labels_snapshot"]) == ("8141573262213092372", "17")
