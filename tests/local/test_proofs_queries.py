"""Athena finds tables in the catalog, reads where they say, writes where its work group says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.probe_stack import Template, deployed, objects, wait_for

pytestmark = pytest.mark.platform

JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
DATA = {
    "flights": [{"carrier": "UA", "delay": 3}, {"carrier": "AA", "delay": 5}],
    "trains": [{"carrier": "DB", "delay": 60}],
}


DATES = ("2012-12-31", "2013-01-01", "2014-12-31", "2015-01-01")
BY_CONTRACT = {
    "projection.enabled": "true",
    "projection.date.type": "date",
    "projection.date.format": "yyyy-MM-dd",
    "projection.date.range": "2013-01-01,2014-12-31",
}


def _dated(name: str, parameters: dict[str, str]) -> Template:
    """A table over the same dated folders, by date."""
    found = _table("Air", "dated", {"carrier": "string"})
    found["Properties"]["TableInput"] |= {
        "Name": name,
        "Parameters": parameters,
        "PartitionKeys": [{"Name": "date", "Type": "string"}],
    }
    return found


def _table(database: str, folder: str, columns: dict[str, str]) -> Template:
    described = [{"Name": name, "Type": kind} for name, kind in columns.items()]
    storage = {
        "Columns": described,
        "Location": {"Fn::Sub": f"s3://${{Data}}/{folder}/"},
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": JSON_SERDE},
    }
    table = {"Name": "delays", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    return {
        "Type": "AWS::Glue::Table",
        "Properties": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseName": {"Ref": database},
            "TableInput": table,
        },
    }


def _database(name: str) -> Template:
    return {
        "Type": "AWS::Glue::Database",
        "Properties": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseInput": {"Name": f"proofs_{name}"},
        },
    }


def _group(name: str, *, enforced: bool, state: str = "ENABLED") -> Template:
    result = {"OutputLocation": {"Fn::Sub": f"s3://${{Data}}/results/{name}/"}}
    return {
        "Type": "AWS::Athena::WorkGroup",
        "Properties": {
            "Name": f"proofs-{name}",
            "State": state,
            "WorkGroupConfiguration": {
                "EnforceWorkGroupConfiguration": enforced,
                "ResultConfiguration": result,
            },
        },
    }


def _template() -> Template:
    both = {"carrier": "string", "delay": "bigint"}
    resources: Template = {
        "Data": {"Type": "AWS::S3::Bucket"},
        "Air": _database("air"),
        "Rail": _database("rail"),
        "AirDelays": _table("Air", "flights", both),
        "RailDelays": _table("Rail", "trains", {"carrier": "string"}),
        "Dated": _dated("dated", BY_CONTRACT),
        "Yesterday": _dated(
            "yesterday", BY_CONTRACT | {"projection.date.range": "2014-12-31,NOW-1DAYS"}
        ),
        "Unregistered": _dated("unregistered", {}),
        "Unranged": _dated(
            "unranged", {k: v for k, v in BY_CONTRACT.items() if not k.endswith("range")}
        ),
        "Strict": _group("strict", enforced=True),
        "Free": _group("free", enforced=False),
        "Closed": _group("closed", enforced=True, state="DISABLED"),
    }
    return {"Resources": resources, "Outputs": {"DataBucket": {"Value": {"Ref": "Data"}}}}


def _tomorrow() -> str:
    return str(datetime.now(UTC).date() + timedelta(days=1))


@pytest.fixture(scope="module")
def bucket(platform: Platform) -> Iterator[str]:
    with deployed(platform, "queries", _template()) as found:
        for folder, rows in DATA.items():
            text = "\n".join(json.dumps(row) for row in rows)
            support.put(platform, found["DataBucket"], f"{folder}/rows.json", text)
        for day in (*DATES, _tomorrow()):
            row = json.dumps({"carrier": "UA"})
            support.put(platform, found["DataBucket"], f"dated/date={day}/rows.json", row)
        yield found["DataBucket"]


def _start(platform: Platform, query: str, **more: Any) -> str:
    request = {"WorkGroup": "proofs-strict"} | more
    answer = platform.client("athena").start_query_execution(QueryString=query, **request)
    return str(answer["QueryExecutionId"])


def _ended(platform: Platform, execution: str) -> dict[str, Any]:
    athena = platform.client("athena")

    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=execution)
        found = found["QueryExecution"]
        return None if found["Status"]["State"] in ("QUEUED", "RUNNING") else found

    return wait_for(probe, what=execution)


def _rows(platform: Platform, query: str, database: str) -> list[list[str]] | str:
    """The rows of a query, or why it failed."""
    context = {"Database": f"proofs_{database}"}
    execution = _start(platform, query, QueryExecutionContext=context)
    ended = _ended(platform, execution)
    if ended["Status"]["State"] == "FAILED":
        return str(ended["Status"]["StateChangeReason"])
    answer = platform.client("athena").get_query_results(QueryExecutionId=execution)
    rows = [[cell.get("VarCharValue", "") for cell in row["Data"]]
            for row in answer["ResultSet"]["Rows"]]  # fmt: skip
    return rows[1:]


@pytest.mark.proves("AWS::Glue::Database", "AWS::Glue::Table")
def test_database_location_and_columns_decide_on_the_rows(platform: Platform, bucket: str) -> None:
    carriers = "SELECT carrier FROM delays ORDER BY carrier"
    assert _rows(platform, carriers, "air") == [["AA"], ["UA"]]
    assert _rows(platform, carriers, "rail") == [["DB"]]
    assert "delays" in _rows(platform, carriers, "sea")
    assert _rows(platform, "SELECT sum(delay) FROM delays", "air") == [["8"]]
    assert "delay" in _rows(platform, "SELECT sum(delay) FROM delays", "rail")


@pytest.mark.proves("AWS::Athena::WorkGroup")
def test_a_work_group_decides_where_results_go_and_whether_there_are_any(
    platform: Platform, bucket: str
) -> None:
    wanted = {"OutputLocation": f"s3://{bucket}/results/wanted/"}
    for group, folder in (("strict", "strict"), ("free", "wanted")):
        execution = _start(
            platform, "SELECT 1", WorkGroup=f"proofs-{group}", ResultConfiguration=wanted
        )
        assert _ended(platform, execution)["Status"]["State"] == "SUCCEEDED"
        written = [key for key in objects(platform, bucket, "results/") if execution in key]
        assert all(key.startswith(f"results/{folder}/") for key in written)
        assert written
    for group, reason in (("closed", "disabled"), ("unknown", "not found")):
        with pytest.raises(ClientError, match=reason):
            _start(platform, "SELECT 1", WorkGroup=f"proofs-{group}")


def test_a_date_outside_the_projected_range_has_no_rows(platform: Platform, bucket: str) -> None:
    query = "SELECT CAST(date AS varchar) FROM {} ORDER BY 1"
    assert _rows(platform, query.format("dated"), "air") == [["2013-01-01"], ["2014-12-31"]]
    assert _rows(platform, query.format("yesterday"), "air") == [["2014-12-31"], ["2015-01-01"]]
    assert _rows(platform, "SELECT * FROM dated WHERE date = '2012-12-31'", "air") == []


def test_a_folder_that_nobody_registered_has_no_rows(platform: Platform, bucket: str) -> None:
    assert _rows(platform, "SELECT carrier FROM unregistered", "air") == []
    glue = platform.client("glue")
    storage = {"Location": f"s3://{bucket}/dated/date=2015-01-01/"}
    glue.create_partition(
        DatabaseName="proofs_air",
        TableName="unregistered",
        PartitionInput={"Values": ["2015-01-01"], "StorageDescriptor": storage},
    )
    rows = _rows(platform, "SELECT CAST(date AS varchar) FROM unregistered", "air")
    assert rows == [["2015-01-01"]]


def test_a_projection_without_a_range_fails_the_query(platform: Platform, bucket: str) -> None:
    told = _rows(platform, "SELECT carrier FROM unranged", "air")
    assert "projection.date.range is not set" in told
