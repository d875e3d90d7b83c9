"""Firehose as configured: one object per buffer, partitions, conversion, errors, exact counts."""

from __future__ import annotations

import base64
import datetime
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, WaiterError

from local.platform import Platform
from local.services.firehose import convert
from local.services.firehose.config import Buffering, read_destination
from local.services.firehose.deliver import LARGEST_PARTITIONS
from tests.support.probe_stack import (
    Template,
    allow,
    deploy,
    deployed,
    empty_bucket,
    failure_reasons,
    function,
    objects,
    role,
    wait_for,
)

ROLE = {"Fn::GetAtt": ["Delivery", "Arn"]}
BUCKET = {"Fn::GetAtt": ["Bucket", "Arn"]}
COLUMNS = [("day", "string"), ("n", "int"), ("at", "timestamp")]


def _hints(seconds: int) -> dict[str, int]:
    return {"SizeInMBs": 64, "IntervalInSeconds": seconds}


def _destination(*, prefix: str, error_prefix: str, granted: bool = True) -> dict[str, Any]:
    parameters = {
        "LambdaArn": {"Fn::GetAtt": ["Fn", "Arn"]},
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "1",
        "NumberOfRetries": "1",
    }
    processor = {
        "Type": "Lambda",
        "Parameters": [
            {"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    }
    schema = {"DatabaseName": "probe_lake", "TableName": "probe", "RoleARN": ROLE}
    role_arn = ROLE if granted else {"Fn::GetAtt": ["Powerless", "Arn"]}
    backup = {
        "BucketARN": BUCKET, "RoleARN": role_arn, "Prefix": f"backup/{prefix}",
        "BufferingHints": _hints(1),
    }  # fmt: skip
    return {
        "BucketARN": BUCKET,
        "RoleARN": role_arn,
        "Prefix": prefix + "/day=!{partitionKeyFromLambda:day}/",
        "ErrorOutputPrefix": error_prefix + "/!{firehose:error-output-type}/",
        "BufferingHints": _hints(2),
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "S3BackupMode": "Enabled",
        "S3BackupConfiguration": backup,
        "ProcessingConfiguration": {"Enabled": True, "Processors": [processor]},
        "DataFormatConversionConfiguration": {
            "Enabled": True,
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
            "SchemaConfiguration": schema,
        },
    }


def _stream(**options: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::KinesisFirehose::DeliveryStream",
        "Properties": {
            "DeliveryStreamType": "DirectPut",
            "ExtendedS3DestinationConfiguration": _destination(**options),
        },
    }


def _daily() -> dict[str, Any]:
    """A stream by day of arrival."""
    stream = _stream(prefix="daily", error_prefix="daily-errors")
    day = "!{timestamp:yyyy-MM-dd}/"
    destination = stream["Properties"]["ExtendedS3DestinationConfiguration"]
    destination |= {
        "Prefix": f"daily/arrived={day}",
        "ErrorOutputPrefix": f"daily-errors/!{{firehose:error-output-type}}/{day}",
    }
    del destination["DynamicPartitioningConfiguration"]
    return stream


def _template() -> Template:
    table = {
        "Name": "probe",
        "StorageDescriptor": {"Columns": [{"Name": n, "Type": t} for n, t in COLUMNS]},
    }
    resources: dict[str, Any] = {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Database": {
            "Type": "AWS::Glue::Database",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseInput": {"Name": "probe_lake"},
            },
        },
        "Table": {
            "Type": "AWS::Glue::Table",
            "DependsOn": "Database",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": "probe_lake",
                "TableInput": table,
            },
        },
        "FnRole": role("lambda.amazonaws.com"),
        "Fn": function("FnRole"),
        "Delivery": role(
            "firehose.amazonaws.com",
            allow(["s3:PutObject"], {"Fn::Sub": "${Bucket.Arn}/*"}),
            allow(["lambda:InvokeFunction"], {"Fn::GetAtt": ["Fn", "Arn"]}),
            allow(["glue:GetTable", "glue:GetTableVersions"], "*"),
        ),
        "Powerless": role(
            "firehose.amazonaws.com",
            allow(["s3:PutObject"], {"Fn::Sub": "${Bucket.Arn}/*"}),
        ),
        "Stream": _stream(prefix="good", error_prefix="bad"),
        "Daily": _daily(),
        "Unable": _stream(prefix="unable", error_prefix="unable-errors", granted=False),
    }
    names = ("Bucket", "Stream", "Daily", "Unable", "Fn")
    outputs = {name: {"Value": {"Ref": name}} for name in names}
    return {"Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    """Two streams that differ in their role only."""
    with deployed(platform, "firehose", _template()) as found:
        yield found


@pytest.fixture(autouse=True)
def _clean(platform: Platform, stack: dict[str, str]) -> None:
    empty_bucket(platform, stack["Bucket"])


def _record(n: Any, day: str, **more: Any) -> bytes:
    return json.dumps({"n": n, "day": day, "at": "2013-01-02 03:04:05"} | more).encode()


def _send(platform: Platform, stream: str, records: list[bytes]) -> None:
    client = platform.client("firehose")
    for start in range(0, len(records), 500):
        batch = [{"Data": data} for data in records[start : start + 500]]
        answer = client.put_record_batch(DeliveryStreamName=stream, Records=batch)
        assert answer["FailedPutCount"] == 0


def _rows(found: dict[str, bytes], prefix: str) -> list[dict[str, Any]]:
    return [
        row
        for key, body in found.items()
        if key.startswith(prefix)
        for row in pq.read_table(io.BytesIO(body)).to_pylist()
    ]


def _errors(found: dict[str, bytes], prefix: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for key, body in found.items()
        if key.startswith(prefix)
        for line in body.splitlines()
    ]


def _code(error: dict[str, Any]) -> str:
    """The envelope of a failed conversion has other names than that of all other failures."""
    return str(error["lastErrorCode" if "dataCatalogTable" in error else "errorCode"])


def test_a_record_without_room_for_its_partition_is_kept_as_transformed(
    platform: Platform, stack: dict[str, str]
) -> None:
    """The 501st active partition of a stream, and every later one until some are delivered."""
    first = datetime.date(2013, 1, 1)
    days = [str(first + datetime.timedelta(days=n)) for n in range(LARGEST_PARTITIONS + 3)]
    sent = [_record(n, day) for n, day in enumerate(days)]
    _send(platform, stack["Stream"], sent)

    def settled() -> dict[str, bytes] | None:
        found = objects(platform, stack["Bucket"])
        rows = len(_rows(found, "good/")) + len(_errors(found, "bad/"))
        return found if rows == len(sent) else None

    found = wait_for(settled, 60, "delivery of every record, to its partition or to the errors")
    errors = _errors(found, "bad/activePartitionExceeded/")
    assert 0 < len(errors) == len(_errors(found, "bad/")) <= 3
    failed = [json.loads(base64.b64decode(error["rawData"])) for error in errors]
    assert all(record["passed"] for record in failed)
    delivered = [row["n"] for row in _rows(found, "good/")]
    assert sorted([record["n"] for record in failed] + delivered) == list(range(len(sent)))


def test_every_record_is_in_exactly_one_place(platform: Platform, stack: dict[str, str]) -> None:
    good = [_record(i, f"2013-01-{1 + i % 3:02d}") for i in range(1200)]
    malformed, misfit, dropped = b"not json", _record("many", "2013-01-01"), b"drop"
    _send(platform, stack["Stream"], [malformed, misfit, dropped, *good])

    def settled() -> dict[str, bytes] | None:
        found = objects(platform, stack["Bucket"])
        complete = len(_rows(found, "good/")) == 1200 and len(_errors(found, "bad/")) == 2
        backed_up = sum(len(body) for key, body in found.items() if key.startswith("backup/"))
        everything = sum(map(len, [malformed, misfit, dropped, *good]))
        return found if complete and backed_up == everything else None

    found = wait_for(settled, 30, "delivery of 1200 records, 2 errors and the backup")
    assert sorted(row["n"] for row in _rows(found, "good/")) == list(range(1200))
    assert all(
        row["day"] in key
        for key, body in found.items()
        if key.startswith("good/")
        for row in pq.read_table(io.BytesIO(body)).to_pylist()
    )
    # Buffered: an object per partition and flush, never one per record.
    assert len([key for key in found if key.startswith("good/")]) <= 3 * 3
    codes = Counter(_code(error) for error in _errors(found, "bad/"))
    assert codes == {
        "Lambda.ProcessingFailedStatus": 1,
        "DataFormatConversion.MalformedData": 1,
    }
    raw = {_code(e): base64.b64decode(e["rawData"]) for e in _errors(found, "bad/")}
    # What failed at the function is as it was sent, what failed later as the function returned it.
    assert raw["Lambda.ProcessingFailedStatus"] == malformed
    assert json.loads(raw["DataFormatConversion.MalformedData"]) == {
        **json.loads(misfit), "passed": True,
    }  # fmt: skip
    assert {key.split("/")[1] for key in found if key.startswith("bad/")} == {
        "processing-failed",
        "format-conversion-failed",
    }


def test_a_stream_by_day_of_arrival_writes_one_object_a_buffer(
    platform: Platform, stack: dict[str, str]
) -> None:
    """Whatever dates and partition keys its records have; its errors lie by type and day."""
    good = [_record(i, f"2013-01-{1 + i % 28:02d}") for i in range(280)]
    sent = [b"not json", *good, _record("many", "2013-01-01")]
    before = str(datetime.datetime.now(datetime.UTC).date())
    _send(platform, stack["Daily"], sent)

    def settled() -> dict[str, bytes] | None:
        found = objects(platform, stack["Bucket"])
        complete = len(_rows(found, "daily/")) + len(_errors(found, "daily-errors/"))
        return found if complete == len(sent) else None

    found = wait_for(settled, 30, "delivery of every record")
    days = {before, str(datetime.datetime.now(datetime.UTC).date())}
    written = [key.split("/") for key in found if key.startswith("daily/")]
    assert {key[1].removeprefix("arrived=") for key in written} <= days
    # Two at most: the function's batches may come to the buffer before and after it is emptied.
    assert 1 <= len(written) <= 2
    assert sorted(row["n"] for row in _rows(found, "daily/")) == list(range(280))
    failed = [key.split("/") for key in found if key.startswith("daily-errors/")]
    assert {key[1] for key in failed} == {"processing-failed", "format-conversion-failed"}
    assert {key[2] for key in failed} <= days


def test_a_failing_function_sends_the_whole_batch_to_the_errors(
    platform: Platform, stack: dict[str, str]
) -> None:
    _send(platform, stack["Stream"], [_record(1, "2013-01-01", explode=True), _record(2, "x")])

    def failed() -> list[dict[str, Any]] | None:
        errors = _errors(objects(platform, stack["Bucket"], "bad/"), "bad/")
        return errors if len(errors) == 2 else None

    errors = wait_for(failed, 30, "two failed records")
    assert {error["errorCode"] for error in errors} == {"Lambda.FunctionError"}
    assert {error["attemptsMade"] for error in errors} == {2}
    assert all(error["lambdaARN"].endswith(stack["Fn"]) for error in errors)


@pytest.mark.proves("AWS::KinesisFirehose::DeliveryStream")
def test_a_role_without_the_function_delivers_nothing_but_errors(
    platform: Platform, stack: dict[str, str]
) -> None:
    _send(platform, stack["Unable"], [_record(1, "2013-01-01")])

    def failed() -> list[dict[str, Any]] | None:
        return _errors(objects(platform, stack["Bucket"], "unable-errors/"), "unable-errors/")

    assert wait_for(failed, 30, "the error")[0]["errorCode"] == "Lambda.InvokeAccessDenied"
    assert not objects(platform, stack["Bucket"], "unable/")


def test_timestamps_are_int96_as_hive_writes_them() -> None:
    columns = convert.columns_of([{"Name": "at", "Type": "timestamp"}], {})
    rows = [convert.row_of({"at": "2013-01-02 03:04:05"}, columns)]
    schema = pq.ParquetFile(io.BytesIO(convert.to_parquet(rows, columns))).schema
    assert schema.column(0).physical_type == "INT96"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "many"), ("int", 1.5), ("int", True), ("double", "x"), ("boolean", 1),
     ("timestamp", "yesterday"), ("date", "2013-13-01")],
)  # fmt: skip
def test_values_of_another_type_do_not_fit(kind: str, value: Any) -> None:
    columns = convert.columns_of([{"Name": "c", "Type": kind}], {})
    with pytest.raises(convert.SchemaMismatchError):
        convert.row_of({"c": value}, columns)


def test_a_misfit_does_not_cost_its_neighbours() -> None:
    columns = convert.columns_of([{"Name": "c", "Type": "tinyint"}], {})
    rows = [convert.row_of({"c": value}, columns) for value in (1, 4000, 2)]
    assert convert.fitting_rows(rows, columns) == [True, False, True]


def test_buffers_are_due_by_size_or_age() -> None:
    rule = Buffering(size=100, interval=10)
    assert not rule.due(99, oldest=0, now=9.9)
    assert rule.due(100, oldest=0, now=0)
    assert rule.due(1, oldest=0, now=10)


def test_defaults_are_firehoses_own() -> None:
    bare = read_destination({"BucketARN": "arn:aws:s3:::b"})
    assert bare.output.buffering == Buffering(5 * 1024 * 1024, 300)
    assert bare.processor is None
    assert bare.backup is None


CONVERTED = {"Prefix": "", "DynamicPartitioningConfiguration": {"Enabled": False}}


def test_a_call_is_held_to_the_rules_of_templates(
    platform: Platform, stack: dict[str, str]
) -> None:
    client, name = platform.client("firehose"), stack["Stream"]
    now = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    (destination,) = now["Destinations"]
    role_arn = destination["ExtendedS3DestinationDescription"]["RoleARN"]
    place = {"RoleARN": role_arn, "BucketARN": "arn:aws:s3:::somewhere"}
    untyped = {"Prefix": "!{timestamp:yyyy}/", "ErrorOutputPrefix": "errors/"}
    with pytest.raises(ClientError, match="firehose-expression-needs-error-prefix"):
        client.create_delivery_stream(
            DeliveryStreamName="called", ExtendedS3DestinationConfiguration=place | untyped
        )
    update = {
        "DeliveryStreamName": name,
        "CurrentDeliveryStreamVersionId": now["VersionId"],
        "DestinationId": destination["DestinationId"],
    }
    small = {"BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}}
    with pytest.raises(ClientError, match="firehose-large-files"):
        client.update_destination(**update, ExtendedS3DestinationUpdate=small)
    with pytest.raises(ClientError, match="firehose-partitioning-is-for-new-streams"):
        client.update_destination(**update, ExtendedS3DestinationUpdate=CONVERTED)
    then = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    assert then == now


def test_a_refused_destination_fails_the_stack(platform: Platform) -> None:
    template = _template()
    stream = template["Resources"]["Stream"]["Properties"]
    stream["ExtendedS3DestinationConfiguration"]["CompressionFormat"] = "GZIP"
    template["Resources"]["Database"]["Properties"]["DatabaseInput"]["Name"] = "refused_lake"
    template["Resources"]["Table"]["Properties"]["DatabaseName"] = "refused_lake"
    with pytest.raises(WaiterError):
        deploy(platform, "refused-firehose", template)
    reasons = failure_reasons(platform, "refused-firehose")
    assert any(
        "CompressionFormat GZIP: allowed with format conversion" in reason for reason in reasons
    ), reasons


def test_partitioning_is_decided_when_a_stream_is_made(
    platform: Platform, stack: dict[str, str]
) -> None:
    template = _template()
    stream = template["Resources"]["Stream"]["Properties"]
    stream["ExtendedS3DestinationConfiguration"] |= CONVERTED
    with pytest.raises(WaiterError):
        deploy(platform, "firehose", template)
    reasons = failure_reasons(platform, "firehose")
    assert any("Dynamic partitioning cannot be disabled" in reason for reason in reasons), reasons


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([b"x"] * 501, "500"),
        ([b"x" * (1000 * 1024 + 1)], "1,000 KiB"),
        ([b"x" * 900_000] * 5, "4 MB"),
    ],
    ids=["501 records", "a large record", "five of 900 KB"],
)
def test_a_batch_beyond_the_limits_is_refused(
    platform: Platform, stack: dict[str, str], records: list[bytes], told: str
) -> None:
    client = platform.client("firehose")
    batch = [{"Data": data} for data in records]
    with pytest.raises(ClientError, match=told):
        client.put_record_batch(DeliveryStreamName=stack["Stream"], Records=batch)
