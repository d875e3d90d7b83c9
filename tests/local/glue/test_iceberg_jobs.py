"""Spark jobs on tables of Iceberg in the Glue catalog, each as its role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local import iceberg_tables
from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.glue import Glue
from tests.support.iceberg import CONF, FORMATS, SCRIPT, Catalog
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


class Lake:
    """Jobs that change tables of a database."""

    def __init__(self, platform: Platform) -> None:
        self.glue = Glue(platform)
        self.catalog = Catalog(platform)
        support.put(platform, self.glue.bucket, "lake.py", SCRIPT)

    def role(self, table: str, *actions: str) -> str:
        """A role with what a job needs: its script, its log, the table's entry and objects."""
        script = f"arn:aws:s3:::{self.glue.bucket}"
        statements = [
            allow("s3:*", [f"{script}/lake.py", f"{script}/ready/*"]),
            allow("s3:ListBucket", script),
            allow("logs:*"),
            *self.catalog.grants(table, *actions),
        ]
        return support.make_role(self.glue.platform, "glue.amazonaws.com", statements)

    def job(self, table: str, *actions: str, **more: str) -> str:
        return self.glue.job(
            "lake.py", self.role(table, *actions), DefaultArguments={**FORMATS, **more}
        )

    def start(self, job: str, table: str, *acts: str, **more: str) -> str:
        named = f"{self.catalog.database}.{table}"
        return self.glue.start(job, table=named, acts=";".join(acts), **more)

    def run(self, job: str, table: str, *acts: str) -> dict[str, Any]:
        return self.glue.settled(job, self.start(job, table, *acts))

    def told(self, run: dict[str, Any]) -> list[Any]:
        """What the acts of a run that succeeded gave back."""
        assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
        printed = self.glue.printed(run, "told ")
        found: list[Any] = json.loads(printed.removeprefix("told "))
        return found


READS, WRITES = ("GetTable",), ("GetTable", "UpdateTable")


@pytest.fixture(scope="module")
def lake(platform: Platform) -> Lake:
    return Lake(platform)


@pytest.mark.proves("AWS::Glue::Job")
def test_a_job_raises_the_table_that_was_born(lake: Lake) -> None:
    """Its role has the table's entry and objects, and no right on other tables."""
    lake.catalog.glue.create_table(**lake.catalog.request("events"))
    born = lake.catalog.table("events")
    job = lake.job("events", *WRITES)
    acts = ("raised()", "merged(0, 100, 1)", "merged(50, 150, 2)", "counted()", "snapshots()")
    _, _, _, counted, snapshots = lake.told(lake.run(job, "events", *acts))
    assert counted == [150, 250.0]
    assert [operation for _, operation in snapshots] == ["overwrite"] * 2
    [[first, _], [last, _]] = snapshots
    earlier, later = lake.told(lake.run(job, "events", f"counted({first})", f"counted({last})"))
    assert (earlier, later) == ([100, 100.0], [150, 250.0])
    # A reader that is not Spark; rows that the second merge replaced are in a delete file.
    assert _read(lake, "events") == _read(lake, "events", last) == (150, 250.0)
    assert _read(lake, "events", first) == (100, 100.0)
    assert lake.catalog.metadata("events")["snapshots"][-1]["summary"]["added-delete-files"]
    entry, metadata = lake.catalog.table("events"), lake.catalog.metadata("events")
    assert entry["Parameters"]["table_type"] == "ICEBERG"
    assert entry["Parameters"]["previous_metadata_location"].startswith("s3://")
    assert metadata["table-uuid"] and metadata["location"] == born["StorageDescriptor"]["Location"]
    [field] = metadata["partition-specs"][-1]["fields"]
    assert field["transform"] == "day"
    assert [column["Name"] for column in entry["StorageDescriptor"]["Columns"]] == [
        "record_id", "t", "amount",
    ]  # fmt: skip


def _read(lake: Lake, table: str, snapshot: int | None = None) -> tuple[int, float]:
    client_of = lake.glue.platform.client
    rows = iceberg_tables.read(client_of, lake.catalog.database, table, ["amount"], snapshot)
    return rows.num_rows, sum(rows["amount"].to_pylist())


def test_a_commit_needs_the_right_to_update_the_table(lake: Lake) -> None:
    lake.catalog.glue.create_table(**lake.catalog.request("watched"))
    before = lake.catalog.table("watched")
    run = lake.run(lake.job("watched", *READS), "watched", "raised()")
    assert run["JobRunState"] == "FAILED"
    assert "org.apache.iceberg.exceptions.ForbiddenException" in run["ErrorMessage"]
    assert "smfs" not in run["ErrorMessage"]
    assert lake.catalog.table("watched") == before


def test_two_commits_at_once_lose_nothing(lake: Lake) -> None:
    lake.catalog.glue.create_table(**lake.catalog.request("shared"))
    first, second = (lake.job("shared", *WRITES) for _ in range(2))
    lake.told(lake.run(first, "shared", "raised()"))
    place = f"{lake.glue.bucket},ready/{unique('pair')}"
    runs = []
    for number, job in enumerate((first, second)):
        acts = ["waited()", *(f"appended({n}, {n + 10})" for n in range(number * 50, 200, 100))]
        started = lake.start(job, "shared", *acts, ready=f"{place},{number}")
        runs.append((job, started))
    for job, started in runs:
        lake.told(lake.glue.settled(job, started))
    counted, snapshots = lake.told(lake.run(first, "shared", "counted()", "snapshots()"))
    assert counted[0] == 40
    assert len(snapshots) == 4


def test_iceberg_s_classes_are_there_for_a_job_that_names_the_format(lake: Lake) -> None:
    lake.catalog.glue.create_table(**lake.catalog.request("plain"))
    job = lake.glue.job("lake.py", lake.role("plain", *WRITES), DefaultArguments={"--conf": CONF})
    run = lake.run(job, "plain", "counted()")
    assert run["JobRunState"] == "FAILED"
    assert "org.apache.iceberg.spark.SparkCatalog" in run["ErrorMessage"]


def test_a_job_makes_a_table_itself(lake: Lake) -> None:
    role = lake.role("made", "CreateTable", "GetDatabase", *WRITES)
    conf = f"{CONF} --conf spark.sql.catalog.lake.warehouse=s3://{lake.catalog.bucket}"
    job = lake.glue.job("lake.py", role, DefaultArguments={**FORMATS, "--conf": conf})
    create = 'spark.sql(f"CREATE TABLE {name} (a int) USING iceberg")'
    location = f"LOCATION 's3://{lake.catalog.bucket}/made'"
    run = lake.run(job, "made", create[:-2] + f' {location}") and 1')
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    assert lake.catalog.metadata("made")["location"] == f"s3://{lake.catalog.bucket}/made"
