"""A Glue run logs to the groups that Glue 5 names; under a configuration's key only if it may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.iam_report import read_decisions
from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform

SCRIPT = """
import sys
print("said by the script")
print("26/11/27 10:15:00 WARN Utils: said by Spark", file=sys.stderr)
"""
LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


class Logged:
    """One job of a configuration that covers logs, and its role."""

    def __init__(self, platform: Platform, actions: list[str], *, resources: str = "*") -> None:
        self.platform, self.logs = platform, platform.client("logs")
        self.glue = platform.client("glue")
        bucket = support.make_bucket(platform)
        script = support.put(platform, bucket, "plain.py", SCRIPT)
        files, _every_log = support.bucket_access(bucket)
        statements = [files, allow(actions, resources)]
        self.role = support.make_role(platform, "glue.amazonaws.com", statements)
        self.configuration = unique("configuration")
        key = platform.client("kms").create_key()["KeyMetadata"]["Arn"]
        _admit_logs(platform, key)
        self.key = key
        self.glue.create_security_configuration(
            Name=self.configuration,
            EncryptionConfiguration={
                "CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key}
            },
        )
        self.job = unique("job")
        self.glue.create_job(
            Name=self.job,
            Role=self.role,
            Command={"Name": "glueetl", "ScriptLocation": script},
            GlueVersion="5.0",
            SecurityConfiguration=self.configuration,
        )

    @property
    def prefix(self) -> str:
        return f"/aws-glue/jobs/{self.configuration}-role{self.role.split(':role', 1)[1]}"

    def run(self) -> str:
        run = str(self.glue.start_job_run(JobName=self.job)["JobRunId"])
        found = support.settled(
            lambda: self.glue.get_job_run(JobName=self.job, RunId=run)["JobRun"], "JobRunState", 60
        )
        assert found["JobRunState"] == "SUCCEEDED", found.get("ErrorMessage")
        return run

    def asked_for_the_key(self, decision: dict[str, Any]) -> bool:
        mine = decision["principal"].split("/")[1:2] == [self.role.rpartition("/")[2]]
        return mine and decision["action"] == "logs:AssociateKmsKey"

    def groups(self) -> dict[str, dict[str, Any]]:
        found = self.logs.describe_log_groups(logGroupNamePrefix=self.prefix)["logGroups"]
        return {group["logGroupName"].removeprefix(self.prefix): group for group in found}

    def said(self, kind: str, run: str) -> list[str]:
        def look() -> list[str] | None:
            try:
                events = self.logs.get_log_events(
                    logGroupName=f"{self.prefix}/{kind}", logStreamName=run
                )["events"]
            except self.logs.exceptions.ResourceNotFoundException:
                return None
            return [event["message"] for event in events] or None

        return support.wait_for(look)


def _admit_logs(platform: Platform, key: str) -> None:
    assert platform.info is not None
    kms = platform.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{platform.info.region}.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))


def test_spark_s_lines_and_the_script_s_go_to_two_groups_under_the_key(platform: Platform) -> None:
    logged = Logged(platform, [*LOGS, "logs:AssociateKmsKey"])
    run = logged.run()
    assert logged.said("output", run) == ["said by the script"]
    assert logged.said("error", run) == ["26/11/27 10:15:00 WARN Utils: said by Spark"]
    found = logged.groups()
    assert set(found) == {"/error", "/output"}
    assert {group["kmsKeyId"] for group in found.values()} == {logged.key}


def test_without_the_key_s_permission_nothing_is_logged_and_the_run_goes_on(
    platform: Platform,
) -> None:
    logged = Logged(platform, LOGS)
    run = logged.run()

    def refused() -> bool:
        """For both groups: until then nothing could have been logged yet."""
        asked = [d for d in read_decisions(platform.state_dir) if logged.asked_for_the_key(d)]
        assert {decision["decision"] for decision in asked} <= {"ImplicitDeny"}
        return len(asked) == len(("error", "output"))

    support.wait_for(refused)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logged.logs.get_log_events(logGroupName=f"{logged.prefix}/output", logStreamName=run)


def test_a_group_that_is_there_keeps_its_retention(platform: Platform) -> None:
    logged = Logged(platform, [*LOGS, "logs:AssociateKmsKey"])
    for kind in ("error", "output"):
        logged.logs.create_log_group(logGroupName=f"{logged.prefix}/{kind}")
        logged.logs.put_retention_policy(logGroupName=f"{logged.prefix}/{kind}", retentionInDays=30)
    logged.said("output", logged.run())
    assert {group["retentionInDays"] for group in logged.groups().values()} == {30}


def test_a_key_that_does_not_admit_the_logs_service_is_refused(platform: Platform) -> None:
    logs = platform.client("logs")
    name = unique("group")
    logs.create_log_group(logGroupName=name)
    key = platform.client("kms").create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.create_log_group(logGroupName=f"{name}-keyed", kmsKeyId=key)
    _admit_logs(platform, key)
    logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    logs.create_log_group(logGroupName=f"{name}-keyed", kmsKeyId=key)
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert [group["kmsKeyId"] for group in found] == [key, key]


@pytest.mark.parametrize(("suffix", "allowed"), [(":*", True), ("", False)])
def test_a_grant_on_a_group_needs_its_streams(
    platform: Platform, suffix: str, allowed: bool
) -> None:
    """A policy that names a group without ``:*`` behind it lets nobody write to it."""
    assert platform.info is not None
    name = unique("group")
    arn = f"arn:aws:logs:{platform.info.region}:{platform.info.account}:log-group:{name}{suffix}"
    user = unique("writer")
    iam = platform.client("iam")
    iam.create_user(UserName=user)
    statement = allow(["logs:CreateLogGroup", "logs:CreateLogStream"], arn)
    iam.put_user_policy(
        UserName=user,
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    logs = platform.client(
        "logs",
        {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        },
    )
    if not allowed:
        with pytest.raises(ClientError, match="AccessDenied"):
            logs.create_log_group(logGroupName=name)
        return
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
