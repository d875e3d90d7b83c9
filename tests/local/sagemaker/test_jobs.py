"""Training, processing and transform jobs run real code; what is wrong with a request shows."""

from __future__ import annotations

import io
import json
import tarfile
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from core import names
from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.jobs import FAILING, SLOW, TRAIN, platform_role, training_request
from tests.support.sagemaker import IMAGE, VOLUME, allow, unique

pytestmark = pytest.mark.platform

PROCESS = """
import pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:3])
words = [path.read_text() for path in sorted(source.rglob("*.txt"))]
(target / "joined.txt").write_text(" ".join(words))
"""


@pytest.fixture(scope="module")
def bucket(platform: Platform) -> str:
    name = support.make_bucket(platform)
    support.put(platform, name, "train/rows.csv", "1\n2\n3\n")
    for script, text in (("train", TRAIN), ("failing", FAILING), ("slow", SLOW)):
        support.put(platform, name, f"{script}.tar.gz", support.archive({"train.py": text}))
    support.put(platform, name, "code/join.py", PROCESS)
    support.put(platform, name, "words/a.txt", "hello")
    support.put(platform, name, "words/deep/b.txt", "world")
    return name


@pytest.fixture(scope="module")
def role(platform: Platform, bucket: str) -> str:
    return support.make_role(platform, "sagemaker.amazonaws.com", support.bucket_access(bucket))


def train(platform: Platform, request: dict[str, Any]) -> dict[str, Any]:
    client = platform.client("sagemaker")
    client.create_training_job(**request)
    name = request["TrainingJobName"]
    return support.settled(
        lambda: client.describe_training_job(TrainingJobName=name), "TrainingJobStatus"
    )


def test_training_job_runs_its_script(platform: Platform, bucket: str, role: str) -> None:
    job = train(platform, training_request(bucket, role))

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("loss", 0.25)]
    states = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert states == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    assert key == f"models/{job['TrainingJobName']}/output/model.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(support.read(platform, bucket, key))) as tar:
        member = tar.extractfile("model.json")
        assert member is not None
        assert json.loads(member.read()) == {"rows": 3, "flavour": "plain"}


def test_script_failure_is_the_failure_reason(platform: Platform, bucket: str, role: str) -> None:
    job = train(platform, training_request(bucket, role, "failing"))

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "no trees today" in job["FailureReason"]
    assert not support.keys(platform, bucket, f"models/{job['TrainingJobName']}")


def test_job_without_the_variables_of_pip_fails(platform: Platform, bucket: str, role: str) -> None:
    job = train(platform, training_request(bucket, role, Environment={"FLAVOUR": "plain"}))

    assert job["TrainingJobStatus"] == "Failed"
    assert "InstallModuleError" in job["FailureReason"]


def test_missing_source_directory_fails_the_job(platform: Platform, bucket: str, role: str) -> None:
    job = train(platform, training_request(bucket, role, "absent"))

    assert job["TrainingJobStatus"] == "Failed"
    assert "HeadObject" in job["FailureReason"]


def test_image_that_cannot_run_here_fails_the_job(
    platform: Platform, bucket: str, role: str
) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.4"
    job = train(
        platform,
        training_request(
            bucket,
            role,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        ),
    )

    assert job["TrainingJobStatus"] == "Failed"
    assert image in job["FailureReason"]
    assert "sagemaker-xgboost" in job["FailureReason"]


def test_job_role_without_s3_is_denied(platform: Platform, bucket: str) -> None:
    bare = support.make_role(platform, "sagemaker.amazonaws.com", [allow("logs:*")])
    job = train(platform, training_request(bucket, bare))

    assert job["TrainingJobStatus"] == "Failed"
    assert "AccessDenied" in job["FailureReason"]


def test_role_that_does_not_trust_sagemaker_cannot_be_used(platform: Platform, bucket: str) -> None:
    other = support.make_role(platform, "glue.amazonaws.com", support.bucket_access(bucket))
    job = train(platform, training_request(bucket, other))

    assert job["TrainingJobStatus"] == "Failed"
    assert "assume" in job["FailureReason"]


def test_caller_must_be_allowed_to_pass_the_role(
    platform: Platform, bucket: str, role: str
) -> None:
    caller = platform_role(platform, [allow("sagemaker:CreateTrainingJob")])
    client = platform.client("sagemaker", caller)
    request = training_request(bucket, role)

    assert support.error_code(lambda: client.create_training_job(**request)) == (
        "AccessDeniedException"
    )


def test_stopped_job_ends_stopped_and_leaves_no_process(
    platform: Platform, bucket: str, role: str
) -> None:
    client = platform.client("sagemaker")
    request = training_request(bucket, role, "slow")
    client.create_training_job(**request)
    name = {"TrainingJobName": request["TrainingJobName"]}
    support.wait_for(lambda: client.describe_training_job(**name)["SecondaryStatus"] == "Training")
    time.sleep(1)
    started = time.monotonic()
    client.stop_training_job(**name)
    job = support.settled(lambda: client.describe_training_job(**name), "TrainingJobStatus")

    assert job["TrainingJobStatus"] == "Stopped"
    assert time.monotonic() - started < 15
    assert support.error_code(lambda: client.stop_training_job(**name)) == "ValidationException"


def test_run_time_limit_stops_the_job(platform: Platform, bucket: str, role: str) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    job = train(platform, training_request(bucket, role, "slow", StoppingCondition=limit))

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"ResourceConfig": {**VOLUME, "InstanceType": "ml.huge"}}, "instanceType"),
        ({"TrainingJobName": "not a name"}, "trainingJobName"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "MaxRuntimeInSeconds"),
        ({"OutputDataConfig": {"S3OutputPath": "/local/path"}}, "s3OutputPath"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
        ({"OutputDataConfig": {}}, "S3OutputPath"),
    ],
)
def test_request_that_aws_refuses_is_refused(
    platform: Platform, bucket: str, role: str, change: dict[str, Any], word: str
) -> None:
    # The client's own validation is off: it is the service that has to refuse.
    client = boto3.client(
        "sagemaker",
        endpoint_url=platform.environment()["AWS_ENDPOINT_URL"],
        region_name=platform.region,
        aws_access_key_id=platform.environment()["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=platform.environment()["AWS_SECRET_ACCESS_KEY"],
        verify=platform.environment()["AWS_CA_BUNDLE"],
        config=Config(parameter_validation=False),
    )
    with pytest.raises(ClientError, match=word) as caught:
        client.create_training_job(**training_request(bucket, role, **change))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def processing_request(bucket: str, role: str, **changes: Any) -> dict[str, Any]:
    def s3_input(name: str, prefix: str) -> dict[str, Any]:
        place = {
            "S3Uri": f"s3://{bucket}/{prefix}",
            "LocalPath": f"/opt/ml/processing/input/{name}",
        }
        return {
            "InputName": name,
            "S3Input": {**place, "S3DataType": "S3Prefix", "S3InputMode": "File"},
        }

    output = {
        "S3Uri": f"s3://{bucket}/joined",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "ProcessingJobName": unique("process"),
        "RoleArn": role,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/join.py"],
            "ContainerArguments": ["/opt/ml/processing/input/words", "/opt/ml/processing/output"],
        },
        "ProcessingInputs": [s3_input("code", "code/"), s3_input("words", "words/")],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "joined", "S3Output": output}]},
        "ProcessingResources": {"ClusterConfig": VOLUME},
        **changes,
    }


def process(platform: Platform, request: dict[str, Any]) -> dict[str, Any]:
    client = platform.client("sagemaker")
    client.create_processing_job(**request)
    name = request["ProcessingJobName"]
    return support.settled(
        lambda: client.describe_processing_job(ProcessingJobName=name), "ProcessingJobStatus"
    )


def test_processing_job_maps_container_paths(platform: Platform, bucket: str, role: str) -> None:
    job = process(platform, processing_request(bucket, role))

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert support.read(platform, bucket, "joined/joined.txt") == b"hello world"


def test_processing_job_without_input_fails(platform: Platform, bucket: str, role: str) -> None:
    request = processing_request(bucket, role)
    request["ProcessingInputs"][1]["S3Input"]["S3Uri"] = f"s3://{bucket}/nothing/"
    job = process(platform, request)

    assert job["ProcessingJobStatus"] == "Failed"
    assert "nothing/" in job["FailureReason"]


def test_transform_job_answers_every_line(platform: Platform, bucket: str, role: str) -> None:
    client = platform.client("sagemaker")
    name = unique("transform")
    support.put(platform, bucket, f"{name}/in/a.jsonl", '{"x": 1}\n{"x": 2}\n')
    url = support.put(platform, bucket, f"{name}/model.tar.gz", support.model_archive("batch"))
    client.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": url,
            "Environment": dict(names.MODEL_ENVIRONMENT),
        },
    )
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/in/"}}
    client.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        BatchStrategy="SingleRecord",
        TransformInput={
            "DataSource": source,
            "ContentType": "application/json",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://{bucket}/{name}/out", "AssembleWith": "Line"},
        TransformResources={"InstanceType": support.INSTANCE, "InstanceCount": 1},
    )
    job = support.settled(
        lambda: client.describe_transform_job(TransformJobName=name), "TransformJobStatus"
    )

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    lines = support.read(platform, bucket, f"{name}/out/a.jsonl.out").splitlines()
    assert [json.loads(line)["twice"] for line in lines] == [2, 4]
