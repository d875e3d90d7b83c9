"""Athena on tables of Iceberg: as they are and were, for who may read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.types import DoubleType

from local.platform import Platform
from tests.support import iceberg_writing, probe_stack
from tests.support import sagemaker as support
from tests.support.iceberg import Catalog
from tests.support.jobs import platform_role
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


class Queries:
    """A table of Iceberg with two snapshots, one of Parquet beside it, and who asks."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.catalog = catalog = Catalog(platform)
        catalog.glue.create_table(**catalog.request("events"))
        table = iceberg_writing.table(platform, catalog.database, "events")
        with table.update_schema() as change:
            change.add_column("amount", DoubleType())
        for ids, amount in ((("a", "b"), 1.0), (("c",), 5.0)):
            table.append(pa.table({"record_id": list(ids), "amount": [amount] * len(ids)}))
        table.delete("record_id = 'a'")
        self.snapshots = [one.snapshot_id for one in table.snapshots()]
        self._plain(catalog)

    def _plain(self, catalog: Catalog) -> None:
        storage = {
            "Location": f"s3://{catalog.bucket}/labels/",
            "Columns": [
                {"Name": "record_id", "Type": "string"},
                {"Name": "label", "Type": "bigint"},
            ],
        }
        table = {"Name": "labels", "StorageDescriptor": storage}
        table |= {"Parameters": {"classification": "json"}}
        catalog.glue.create_table(DatabaseName=catalog.database, TableInput=table)
        lines = '{"record_id": "b", "label": 0}\n{"record_id": "c", "label": 1}\n'
        support.put(self.platform, catalog.bucket, "labels/one.json", lines)

    def ask(
        self, query: str, keys: Mapping[str, str] | None = None, results: str = ""
    ) -> list[list[str]] | str:
        """Rows of a query, or why it failed."""
        athena = self.platform.client("athena", keys)
        place = results or f"s3://{self.catalog.bucket}/results/"
        execution = athena.start_query_execution(
            QueryString=query,
            QueryExecutionContext={"Database": self.catalog.database},
            ResultConfiguration={"OutputLocation": place},
        )["QueryExecutionId"]

        def ended() -> dict[str, Any] | None:
            found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            status: dict[str, Any] = found["Status"]
            return None if status["State"] in ("QUEUED", "RUNNING") else status

        status = support.wait_for(ended)
        if status["State"] == "FAILED":
            return str(status["StateChangeReason"])
        rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows[1:]]

    def grants(self, *tables: str) -> dict[str, dict[str, Any]]:
        """What a person needs for tables, by what is missing without it."""
        bucket = f"arn:aws:s3:::{self.catalog.bucket}"
        arns = sorted({arn for table in tables for arn in self.catalog.arns(table)})
        return {
            "athena": allow("athena:*"),
            "glue:GetTable": allow("glue:GetTable", arns),
            "s3:GetObject": allow("s3:GetObject", [f"{bucket}/{table}/*" for table in tables]),
            "s3:PutObject": allow("s3:PutObject", f"{bucket}/results/*"),
        }


@pytest.fixture(scope="module")
def queries(platform: Platform) -> Queries:
    return Queries(platform)


def test_a_table_is_read_by_its_metadata(queries: Queries) -> None:
    """Its objects alone would say otherwise: the deleted row is still in one of them."""
    names = "SELECT record_id, amount FROM events ORDER BY 1"
    assert queries.ask(names) == [["b", "1.0"], ["c", "5.0"]]
    joined = "SELECT e.record_id FROM events e JOIN labels l ON e.record_id = l.record_id"
    assert queries.ask(f"{joined} WHERE label = 1") == [["c"]]
    named = f'SELECT count(*) FROM "{queries.catalog.database}"."events"'
    assert queries.ask(named) == [["2"]]


def test_a_table_is_read_as_it_was(queries: Queries) -> None:
    counted = "SELECT count(*) FROM events FOR VERSION AS OF {} WHERE amount > 0"
    found = [queries.ask(counted.format(one)) for one in queries.snapshots]
    assert found[:2] == [[["2"]], [["3"]]]
    assert found[-1] == [["2"]]
    assert "has no snapshot 7" in queries.ask(counted.format(7))
    assert "no table of Iceberg" in queries.ask("SELECT 1 FROM labels FOR VERSION AS OF 7")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("INSERT INTO events VALUES ('d', 1)", "INSERT; it runs SELECT"),
        ("OPTIMIZE events REWRITE DATA USING BIN_PACK", "OPTIMIZE; it runs SELECT"),
        ('SELECT * FROM "events$snapshots"', "metadata tables of Iceberg"),
        ("SELECT * FROM events FOR TIMESTAMP AS OF current_timestamp", "allowed: FOR VERSION"),
        (
            "SELECT 1 FROM events a JOIN events FOR VERSION AS OF 7 b ON a.record_id = b.record_id",
            "at two snapshots",
        ),
        ("DROP TABLE events", "whose objects Athena deletes"),
    ],
)
def test_what_does_not_run_here_is_said(queries: Queries, query: str, says: str) -> None:
    told = queries.ask(query)
    assert says in told
    assert "NOT_SUPPORTED by the local platform" in told


def test_what_the_engine_says_is_told_apart(queries: Queries) -> None:
    for query in ("SELECT 1 FROM labels, events", "SELECT from_iso8601_date('2026-01-01')"):
        assert "runs queries by DuckDB" in queries.ask(query)


def test_a_query_has_the_rights_of_who_asks(platform: Platform, queries: Queries) -> None:
    for table in ("events", "labels"):
        grants = queries.grants(table)
        query = f"SELECT count(*) FROM {table}"
        assert queries.ask(query, platform_role(platform, list(grants.values()))) == [["2"]]
        for missing in ("glue:GetTable", "s3:GetObject", "s3:PutObject"):
            rest = [grant for name, grant in grants.items() if name != missing]
            told = queries.ask(query, platform_role(platform, rest))
            assert f"authorized to perform: {missing}" in told
    entry = queries.grants("events")
    metadata = allow("s3:GetObject", f"arn:aws:s3:::{queries.catalog.bucket}/events/metadata/*")
    half = platform_role(platform, list((entry | {"s3:GetObject": metadata}).values()))
    told = queries.ask("SELECT count(*) FROM events", half)
    assert f"Permission denied on S3 path: s3://{queries.catalog.bucket}/events/data/" in told
    other = platform_role(platform, list(queries.grants("labels").values()))
    assert "glue:GetTable" in queries.ask("SELECT 1 FROM labels CROSS JOIN events", other)


def test_athena_is_a_way_through_a_bucket_s_perimeter(platform: Platform) -> None:
    queries = Queries(platform)
    bucket = f"arn:aws:s3:::{queries.catalog.bucket}"
    asker = platform_role(platform, list(queries.grants("events").values()))
    for service, expected in (("glue", "s3:GetObject"), ("athena", [["2"]])):
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"{bucket}/events/*",
            "Condition": {
                "ForAllValues:StringNotEquals": {"aws:CalledVia": [f"{service}.amazonaws.com"]}
            },
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        platform.client("s3").put_bucket_policy(Bucket=queries.catalog.bucket, Policy=policy)
        told = queries.ask("SELECT count(*) FROM events", asker)
        assert expected in told if isinstance(expected, str) else told == expected


def test_a_named_query_of_a_template_runs(platform: Platform, queries: Queries) -> None:
    text = "SELECT sum(amount) FROM events"
    properties = {"Database": queries.catalog.database, "QueryString": text, "Name": unique("sum")}
    query = {"Type": "AWS::Athena::NamedQuery", "Properties": properties}
    template = {"Resources": {"Sum": query}, "Outputs": {"Id": {"Value": {"Ref": "Sum"}}}}
    with probe_stack.deployed(platform, unique("named"), template) as found:
        named = platform.client("athena").get_named_query(NamedQueryId=found["Id"])["NamedQuery"]
        assert named["Name"] == properties["Name"]
        assert queries.ask(named["QueryString"]) == [["6.0"]]
