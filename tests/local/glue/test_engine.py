"""Glue runs: the script really runs, its exit is the state, its role is enforced."""

from __future__ import annotations

import json

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
    assert f"job {name} says hello" in glue.printed(run, "says hello")


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

    assert glue.run(name)["JobRunState"] == "SUCCEEDED"
    denied = glue.run(glue.job("spark.py", role=role))
    assert denied["JobRunState"] == "FAILED"
    assert "not authorized to perform: s3:GetObject" in denied["ErrorMessage"]


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
    ("named", "refused"), [([], "rows"), (["rows"], "sums"), (["rows", "sums"], "")]
)
def test_a_folder_is_looked_for_by_its_name_before_it_is_listed(
    glue: Glue, named: list[str], refused: str
) -> None:
    """And each one above a new folder, until one is there."""
    arn, place = f"arn:aws:s3:::{glue.bucket}", unique("place")
    support.put(glue.platform, glue.bucket, f"{place}/rows/a.json", '{"day": "d1", "x": 1}')
    names = ["rows/*", "sums/x", "sums/x/*", *named]
    objects = [
        f"{arn}/{name}" for name in ("spark.py", "lib.zip", *(f"{place}/{n}" for n in names))
    ]
    statements = [
        allow("s3:ListBucket", arn),
        allow("s3:GetObject", objects),
        allow(["s3:PutObject", "s3:DeleteObject"], f"{arn}/{place}/sums/x/*"),
        allow("logs:*"),
    ]
    role = support.make_role(glue.platform, "glue.amazonaws.com", statements)
    name = glue.job(
        "spark.py", role, DefaultArguments={"--extra-py-files": f"s3://{glue.bucket}/lib.zip"}
    )
    whole = f"s3://{glue.bucket}/{place}"
    run = glue.run(name, input_rows=f"{whole}/rows/", output_sums=f"{whole}/sums/x/")
    if refused:
        assert run["JobRunState"] == "FAILED"
        assert f"java.nio.file.AccessDeniedException: {whole}/{refused}" in run["ErrorMessage"]
    else:
        assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]


def test_files_on_s3_are_as_hadoop_promises(glue: Glue) -> None:
    place = f"{unique('files')}/"
    support.put(glue.platform, glue.bucket, f"{place}large", bytes(range(100)) * 1000)
    run = glue.run(glue.job("files.py"), place=f"s3://{glue.bucket}/{place}")
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    told = json.loads(glue.printed(run, "told ").removeprefix("told "))
    assert told == {
        "listed": ["a/two", "a/x y=1"],
        "deep": ["a/two", "a/x y=1/one"],
        "read": "1",
        "again": "FileAlreadyExistsException",
        "over a folder": "FileAlreadyExistsException",
        "below a file": "FileAlreadyExistsException",
        "absent": ["FileNotFoundException", "FileNotFoundException", False],
        "part": "IOException",
        "renamed": ["a/two", "a/y/one"],
        "folder": [True, ["c/d"], []],
        "emptied": [True, ["a/two"]],
        "left": [False, False],
        "seek": [0, 70001],
        "back": 3,
    }
    assert support.keys(glue.platform, glue.bucket, place) == [f"{place}c/d/", f"{place}large"]
