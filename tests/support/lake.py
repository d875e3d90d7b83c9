"""A lake as Firehose leaves it, and what curation makes of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import records
from glue_jobs import curate
from local import flights
from tests.support.spark_jobs import CONTRACT

KEY = b"a key of the tests only"

EVENT = CONTRACT["event"]

ARROW = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}


def valid_rows(found: list[flights.Record], record: dict[str, Any]) -> list[dict[str, Any]]:
    checked = [
        records.validate(json.dumps(one).encode(), record, records.pseudonymiser(KEY))
        for one in found
    ]
    assert all(isinstance(one, records.Valid) for one in checked)
    return [one.values for one in checked if isinstance(one, records.Valid)]


def firehose_parquet(found: list[dict[str, Any]], record: dict[str, Any], folder: Path) -> None:
    """Rows as Firehose converts them: INT96 timestamps, one folder for each date."""
    fields = record["fields"]
    arrow = pa.schema([(f["name"], ARROW.get(f["glue_type"], pa.timestamp("us"))) for f in fields])
    frame = pd.DataFrame([{f["name"]: row.get(f["name"]) for f in fields} for row in found])
    for field in fields:
        if field["glue_type"] == "timestamp":
            frame[field["name"]] = pd.to_datetime(frame[field["name"]])
        if field["glue_type"] == "bigint":
            frame[field["name"]] = frame[field["name"]].astype("Int64")
    for date, rows in frame.groupby(frame[record["time_field"]].dt.strftime("%Y-%m-%d")):
        target = folder / f"event_date={date}"
        target.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pandas(rows, arrow, preserve_index=False)
        name = f"delivery-{len(list(target.iterdir()))}.parquet"
        pq.write_table(table, target / name, use_deprecated_int96_timestamps=True)


def envelope(raw: bytes) -> str:
    return json.dumps(
        {
            "attemptsMade": 1,
            "arrivalTimestamp": 1,
            "errorCode": "Lambda.FunctionError",
            "errorMessage": "the function failed",
            "rawData": base64.b64encode(raw).decode(),
        }
    )


def lines(path: Path, found: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(found) + "\n")


class Lake:
    """Folders as the job's arguments name them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "contract.json").write_text(json.dumps(CONTRACT))

    def run(self) -> None:
        root = self.root
        arguments = ["--input_contract", f"{root}/contract.json", "--pseudonym_key", "arn:x"]
        for name in curate.REQUIRED:
            if name not in ("input_contract", "pseudonym_key"):
                folder = name.split("_", 1)[1]
                arguments += [f"--{name}", f"{root}/{folder}/"]
        with mock.patch.object(curate, "_key", return_value=KEY):
            curate.main([*arguments, "--JOB_NAME", "curate", "--enable-metrics"])

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.root / name)

    def files(self, name: str) -> dict[str, int]:
        found = (self.root / name).rglob("*.parquet")
        return {str(path): path.stat().st_mtime_ns for path in found}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Folders of a test's own."""
    return Lake(tmp_path)


@pytest.fixture(scope="module")
def month() -> flights.Month:
    """A few flights of one month."""
    return next(flights.months((1,), 0.002))
