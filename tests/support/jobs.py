"""Requests of jobs, and the code that these run."""

from __future__ import annotations

import json
from typing import Any

from core import names
from local.platform import Platform
from tests.support.sagemaker import IMAGE, VOLUME, unique

TRAIN = """
import json, os, sys
rows = open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv")).read().split()
print("trees", sys.argv[sys.argv.index("--trees") + 1])
print("loss=0.75")
print("loss=0.25")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as out:
    json.dump({"rows": len(rows), "flavour": os.environ["FLAVOUR"]}, out)
"""

FAILING = "raise ValueError('no trees today')\n"

SLOW = "import time\ntime.sleep(60)\n"


def training_request(
    bucket: str, role: str, script: str = "train", **changes: Any
) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}
    return {
        "TrainingJobName": unique("train"),
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+)"}],
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/{script}.tar.gz",
            "trees": "7",
        },
        "Environment": {"FLAVOUR": "plain", **names.PIP_ENVIRONMENT},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": VOLUME,
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **changes,
    }


def platform_role(platform: Platform, statements: list[dict[str, Any]]) -> dict[str, str]:
    """Credentials of a role that the operator may assume."""
    iam = platform.client("iam")
    name = unique("caller")
    assert platform.info is not None
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{platform.info.account}:root"},
    }
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="inline",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    return platform.assume(arn)
