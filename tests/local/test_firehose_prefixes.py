"""Where Firehose's objects lie: by the arrival of their oldest record, not when written."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from local.services.firehose import buffer, deliver, prefixes
from local.services.firehose.config import Destination, Output, read_destination
from local.services.firehose.deliver import partition
from local.services.firehose.stream import StreamWorker
from local.services.firehose.transform import Record, Transformed
from tests.support.probe_stack import wait_for

BEFORE_MIDNIGHT = datetime(2026, 11, 28, 23, 59, 58, tzinfo=UTC).timestamp()
DAILY = {
    "BucketARN": "arn:aws:s3:::b",
    "Prefix": "stream/arrived=!{timestamp:yyyy-MM-dd}/",
    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/",
}
BY_QUERY = DAILY | {
    "Prefix": "day=!{partitionKeyFromQuery:day}/!{timestamp:yyyy}/!{firehose:random-string}/",
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": {
        "Enabled": True,
        "Processors": [
            {
                "Type": "MetadataExtraction",
                "Parameters": [
                    {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{day: .day}"},
                    {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
                ],
            }
        ],
    },
}


def _records(*days: str | None) -> list[Transformed]:
    raws = [json.dumps({"n": n} | ({"day": day} if day else {})) for n, day in enumerate(days)]
    return [
        Transformed(Record(str(n), raw.encode(), BEFORE_MIDNIGHT + n), raw.encode())
        for n, raw in enumerate(raws)
    ]


def _grouped(destination: Destination, items: list[Transformed]) -> list[int]:
    groups, failures = partition(destination, items)
    assert sum(map(len, groups.values())) + len(failures) == len(items)
    return sorted(map(len, groups.values()))


def test_the_day_is_that_of_arrival_in_utc() -> None:
    output = read_destination(DAILY).output
    assert prefixes.data_prefix(output, BEFORE_MIDNIGHT) == "stream/arrived=2026-11-28/"
    assert prefixes.data_prefix(output, BEFORE_MIDNIGHT + 2) == "stream/arrived=2026-11-29/"
    found = prefixes.error_prefix(output, "format-conversion-failed", BEFORE_MIDNIGHT)
    assert found == "errors/format-conversion-failed/2026-11-28/"


@pytest.mark.parametrize(
    ("zone", "day"), [("", "2026-11-28"), ("UTC", "2026-11-28"), ("Asia/Tokyo", "2026-11-29")]
)
def test_another_time_zone_moves_the_day(zone: str, day: str) -> None:
    output = read_destination(DAILY | {"CustomTimeZone": zone}).output
    assert prefixes.data_prefix(output, BEFORE_MIDNIGHT) == f"stream/arrived={day}/"
    name = prefixes.object_name(output, "events", 1, BEFORE_MIDNIGHT, ".parquet")
    assert re.fullmatch(rf"events-1-{day}-\d\d-59-58-[0-9a-f-]{{36}}\.parquet", name)


def test_midnight_does_not_divide_an_object() -> None:
    """One buffer, one object, under the day of its oldest record."""
    assert _grouped(read_destination(DAILY), _records("a", "b", None, "a")) == [4]


def test_an_object_that_is_written_late_lies_under_its_day_of_arrival(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its write was refused at first; nothing is lost, and nothing asks what the time is now."""
    keys, refused = list[str](), list[str]()

    def put(_output: Output, key: str, _body: bytes, _region: str) -> None:
        (keys if refused else refused).append(key)
        if not keys:
            raise OSError("503 SlowDown")

    monkeypatch.setattr(deliver, "put_object", put)
    monkeypatch.setattr(buffer, "RETRY_SECONDS", 0.01)
    identity = deliver.StreamIdentity("events", "arn", 1, "111122223333", "eu-west-1")
    hints = {"SizeInMBs": 1, "IntervalInSeconds": 0}
    destination = read_destination(DAILY | {"BufferingHints": hints})
    worker = StreamWorker(identity, destination, lambda *_: None, lambda work: work())
    worker.accept([item.record for item in _records("a", "b", "c")])
    wait_for(lambda: not worker.pending() and keys, what="the second try")
    worker.close()
    assert len(refused) == len(keys) == 1
    assert keys[0].startswith("stream/arrived=2026-11-28/events-1-2026-11-28-23-59-58-")


def test_a_partition_is_of_its_keys_and_of_nothing_else_in_the_prefix() -> None:
    destination = read_destination(BY_QUERY)
    assert _grouped(destination, _records("a", "b", "a")) == [1, 2]
    groups, failures = partition(destination, _records("a", None))
    (found,) = groups
    written = prefixes.data_prefix(destination.output, BEFORE_MIDNIGHT, found)
    assert re.fullmatch(r"day=a/2026/\w{11}/", written)
    assert written != prefixes.data_prefix(destination.output, BEFORE_MIDNIGHT, found)
    assert [failure.output_type for failure in failures] == ["metadata-extraction-failed"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Prefix": "a/"}, ("a/2026/11/28/23/", "a/processing-failed/2026/11/28/23/")),
        ({}, ("2026/11/28/23/", "processing-failed/2026/11/28/23/")),
    ],
)
def test_a_prefix_without_a_time_gets_the_hour_of_arrival(
    config: dict[str, Any], expected: tuple[str, str]
) -> None:
    output = read_destination({"BucketARN": "arn:aws:s3:::b"} | config).output
    found = prefixes.error_prefix(output, "processing-failed", BEFORE_MIDNIGHT)
    assert (prefixes.data_prefix(output, BEFORE_MIDNIGHT), found) == expected
