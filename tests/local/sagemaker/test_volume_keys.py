"""A job's role has to be allowed the grant on its volumes' key, and the key has to admit it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import IMAGE, INSTANCE, allow, unique

pytestmark = pytest.mark.platform

GRANT = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
DESCRIBE, CREATE = "kms:DescribeKey", "kms:CreateGrant"


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    return str(platform.client("kms").create_key()["KeyMetadata"]["Arn"])


def _training(role: str, key: str) -> tuple[str, dict[str, Any]]:
    volume = {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1}
    return "create_training_job", {
        "TrainingJobName": unique("job"),
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://nowhere/"},
        "ResourceConfig": volume | {"VolumeKmsKeyId": key},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def _processing(role: str, key: str) -> tuple[str, dict[str, Any]]:
    cluster = {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1}
    return "create_processing_job", {
        "ProcessingJobName": unique("job"),
        "RoleArn": role,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
        "ProcessingResources": {"ClusterConfig": cluster | {"VolumeKmsKeyId": key}},
    }


def _create(platform: Platform, job: tuple[str, dict[str, Any]]) -> str:
    operation, request = job
    try:
        getattr(platform.client("sagemaker"), operation)(**request)
    except ClientError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("job", [_training, _processing])
@pytest.mark.parametrize(
    ("granted", "refused"),
    [((DESCRIBE, CREATE), ""), ((CREATE,), DESCRIBE), ((DESCRIBE,), CREATE)],
)
def test_a_job_needs_a_role_that_may_make_the_grant(
    platform: Platform,
    key: str,
    job: Callable[[str, str], tuple[str, dict[str, Any]]],
    granted: tuple[str, ...],
    refused: str,
) -> None:
    statements = [allow(DESCRIBE, key)] if DESCRIBE in granted else []
    statements += [allow(CREATE, key) | {"Condition": GRANT}] if CREATE in granted else []
    role = support.make_role(platform, "sagemaker.amazonaws.com", statements)
    found = _create(platform, job(role, key))
    assert refused in found
    assert bool(found) is bool(refused)


def test_the_key_has_to_admit_the_grant(platform: Platform) -> None:
    kms = platform.client("kms")
    assert platform.info is not None
    root = {"AWS": f"arn:aws:iam::{platform.info.account}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Resource": "*"}
    through = {"StringEquals": {"kms:ViaService": "sagemaker.eu-west-1.amazonaws.com"}}
    statements = [allow(DESCRIBE), allow(CREATE) | {"Condition": GRANT}]
    role = support.make_role(platform, "sagemaker.amazonaws.com", statements)
    for actions, refused in ((["kms:Describe*", "kms:Put*"], CREATE), (["kms:*"], "")):
        document = {"Version": "2012-10-17", "Statement": [statement | {"Action": actions}]}
        key = kms.create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]
        assert refused in _create(platform, _training(role, key))
    narrowed = [
        statement | {"Action": DESCRIBE},
        statement | {"Action": CREATE, "Condition": GRANT | through},
    ]
    document = {"Version": "2012-10-17", "Statement": narrowed}
    key = kms.create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]
    assert _create(platform, _training(role, key)) == ""
