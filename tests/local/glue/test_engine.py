"""Glue runs: the script really runs, its exit is the state, its role is enforced."""

from __future__ import annotations

import psutil
import pytest

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.glue import Glue
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def glue(platform: Platform) -> Glue:
    return Glue(platform)


def test_spark_job_reads_and_writes_s3(glue: Glue) -> None:
    rows = '{"day": "d1", "x": 1}\n{"day": "d1", "x": 2}\n{"day": "d2", "x": 5}\n'
    support.put(glue.platform, glue.bucket, "rows/a.json", rows)
    support.put(glue.platform, glue.bucket, "sums/stale.json", "{}")
    name = glue.job(
        "spark.py",
        DefaultArguments={
            "--extra-py-files": f"s3://{glue.bucket}/lib.zip",
            "--input_rows": f"s3://{glue.bucket}/rows/",
            "--output_sums": f"s3://{glue.bucket}/sums/",
            "--enable-metrics": "true",
        },
    )
    run = glue.run(name)

    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    keys = [key for key in support.keys(glue.platform, glue.bucket, "sums/") if "part" in key]
    text = b"".join(support.read(glue.platform, glue.bucket, key) for key in keys).decode()
    assert sorted(text.split()) == ['{"day":"d1","total":3}', '{"day":"d2","total":5}']
    assert "sums/stale.json" not in support.keys(glue.platform, glue.bucket, "sums/")
    logs = glue.platform.client("logs")

    def logged() -> bool:
        """The run's state is told before its last lines are, as on AWS."""
        try:
            events = logs.get_log_events(
                logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"]
            )["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any(f"job {name} says hello" in event["message"] for event in events)

    support.wait_for(logged)


def test_script_error_fails_the_run_with_its_message(glue: Glue) -> None:
    run = glue.run(glue.job(), fail="no rows today")

    assert run["JobRunState"] == "FAILED"
    assert "ValueError: no rows today" in run["ErrorMessage"]


def test_killed_driver_fails_the_run(glue: Glue) -> None:
    name = glue.job()
    mark = unique("mark")
    run = glue.start(name, sleep="60", mark=mark)

    def driver() -> psutil.Process | None:
        for process in psutil.process_iter(["cmdline"]):
            if mark in (process.info["cmdline"] or []):
                return process
        return None

    support.wait_for(driver).kill()
    ended = glue.settled(name, run)
    assert (ended["JobRunState"], ended["ErrorMessage"]) == (
        "FAILED",
        "The Spark driver was ended by signal 9.",
    )


def test_missing_script_fails_the_run(glue: Glue) -> None:
    run = glue.run(glue.job("absent.py"))

    assert run["JobRunState"] == "FAILED"
    assert "absent.py" in run["ErrorMessage"]


def test_job_role_is_enforced(glue: Glue) -> None:
    location = f"arn:aws:s3:::{glue.bucket}"
    only_script = [
        allow(["s3:GetObject"], f"{location}/plain.py"),
        allow("s3:ListBucket", location),
    ]
    role = support.make_role(glue.platform, "glue.amazonaws.com", only_script)
    name = glue.job(role=role)
    support.put(glue.platform, glue.bucket, "rows/a.json", "{}")

    assert glue.run(name)["JobRunState"] == "SUCCEEDED"
    denied = glue.run(name, input_rows=f"s3://{glue.bucket}/rows/")
    assert denied["JobRunState"] == "FAILED"
    assert "403" in denied["ErrorMessage"]


def test_role_that_does_not_trust_glue_fails_the_run(glue: Glue) -> None:
    role = support.make_role(
        glue.platform, "sagemaker.amazonaws.com", support.bucket_access(glue.bucket)
    )
    run = glue.run(glue.job(role=role))

    assert run["JobRunState"] == "FAILED"
    assert "assume" in run["ErrorMessage"]


def test_concurrent_runs_are_limited_and_runs_can_be_stopped(glue: Glue) -> None:
    name = glue.job(ExecutionProperty={"MaxConcurrentRuns": 1})
    first = glue.start(name, sleep="60")
    assert support.error_code(lambda: glue.start(name)) == "ConcurrentRunsExceededException"
    glue.client.batch_stop_job_run(JobName=name, JobRunIds=[first])

    assert glue.settled(name, first)["JobRunState"] == "STOPPED"
    assert glue.run(name)["JobRunState"] == "SUCCEEDED"


def test_unknown_job_and_unsupported_type_are_refused(glue: Glue) -> None:
    assert support.error_code(lambda: glue.start("no-such-job")) == "EntityNotFoundException"
    name = unique("stream")
    location = f"s3://{glue.bucket}/plain.py"
    glue.client.create_job(
        Name=name, Role=glue.role, Command={"Name": "gluestreaming", "ScriptLocation": location}
    )
    assert support.error_code(lambda: glue.start(name)) == "InvalidInputException"


@pytest.mark.proves("AWS::Glue::Job")
@pytest.mark.parametrize(
    ("named", "refused"),
    [
        (["rows/*", "sums/*"], "rows: "),
        (["rows/*", "rows", "sums/*"], "rows_$folder$: "),
        (["rows/*", "rows", "rows_$folder$", "sums/*"], "sums: "),
        (["rows/*", "rows", "rows_$folder$", "sums/*", "sums", "sums_$folder$"], ""),
    ],
)
def test_a_folder_is_looked_for_by_its_name_before_it_is_listed(
    glue: Glue, named: list[str], refused: str
) -> None:
    arn = f"arn:aws:s3:::{glue.bucket}"
    objects = [f"{arn}/{name}" for name in [*named, "plain.py"]]
    statements = [allow("s3:ListBucket", arn), allow("s3:GetObject", objects), allow("logs:*")]
    role = support.make_role(glue.platform, "glue.amazonaws.com", statements)
    support.put(glue.platform, glue.bucket, "rows/a.json", "{}")
    places = {
        "input_rows": f"s3://{glue.bucket}/rows/",
        "output_sums": f"s3://{glue.bucket}/sums/x/",
    }
    run = glue.run(glue.job(role=role), **places)
    if refused:
        assert run["JobRunState"] == "FAILED"
        assert f"Failed to look for s3://{glue.bucket}/{refused}" in run["ErrorMessage"]
        assert "403" in run["ErrorMessage"]
    else:
        assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
