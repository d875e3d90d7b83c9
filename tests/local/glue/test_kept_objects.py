"""What a run read before is not sent again, but is asked for again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.emulator import iam_report
from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import unique

pytestmark = pytest.mark.platform

# Prints what it found and spoils its own copy.
READER = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--input_rows")
known, _ = parser.parse_known_args()
for path in sorted(pathlib.Path(known.input_rows).iterdir()):
    print("read", path.name, path.read_text())
    path.write_text("spoiled")
"""


class Reader:
    """A job that reads one folder under a role of its own."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.bucket = platform, support.make_bucket(platform)
        access = support.bucket_access(self.bucket)
        self.role = support.make_role(platform, "glue.amazonaws.com", access)
        self.job = unique("reader")
        self.glue = platform.client("glue")
        support.put(platform, self.bucket, "reader.py", READER)
        self.glue.create_job(
            Name=self.job,
            Role=self.role,
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{self.bucket}/reader.py"},
            DefaultArguments={"--input_rows": f"s3://{self.bucket}/rows/"},
        )

    def put(self, **objects: str) -> None:
        for name, body in objects.items():
            support.put(self.platform, self.bucket, f"rows/{name}", body)

    def run(self) -> dict[str, Any]:
        run = self.glue.start_job_run(JobName=self.job)["JobRunId"]
        return support.settled(
            lambda: self.glue.get_job_run(JobName=self.job, RunId=run)["JobRun"],
            "JobRunState",
            60,
        )

    def said(self, run: dict[str, Any]) -> list[str]:
        assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")

        def lines() -> list[str] | None:
            logs = self.platform.client("logs")
            try:
                events = logs.get_log_events(
                    logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"]
                )["events"]
            except logs.exceptions.ResourceNotFoundException:
                return None
            found = [e["message"].strip() for e in events if e["message"].startswith("read")]
            return found or None

        return support.wait_for(lines)

    def asked(self, name: str) -> int:
        """How often somebody was allowed to read the object."""
        arn = f"arn:aws:s3:::{self.bucket}/rows/{name}"
        return sum(
            (d["action"], d["resource"], d["decision"]) == ("s3:GetObject", arn, "Allow")
            for d in iam_report.read_decisions(self.platform.state_dir)
        )


@pytest.fixture
def reader(platform: Platform) -> Reader:
    return Reader(platform)


def test_a_second_run_reads_what_changed_and_what_did_not(reader: Reader) -> None:
    reader.put(a="one", b="two")
    assert reader.said(reader.run()) == ["read a one", "read b two"]
    reader.put(b="three", c="four")
    assert reader.said(reader.run()) == ["read a one", "read b three", "read c four"]
    # The record is written behind the requests.
    assert support.wait_for(lambda: reader.asked("a") == 2 and reader.asked("b") == 2)


def test_a_kept_object_is_refused_to_who_may_read_it_no_more(reader: Reader) -> None:
    reader.put(a="one")
    reader.said(reader.run())
    iam, name = reader.platform.client("iam"), reader.role.rpartition("/")[2]
    statement = {
        "Effect": "Deny",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{reader.bucket}/rows/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="no-more", PolicyDocument=document)
    refused = reader.run()
    assert refused["JobRunState"] == "FAILED"
    assert "rows/a" in refused["ErrorMessage"]
    assert "AccessDenied" in refused["ErrorMessage"]
