"""A lake as Firehose leaves it, and what curation makes of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import names, records
from glue_jobs import curate, session, tables
from local import flights
from tests.support.spark_jobs import CONTRACT, give_birth

KEY = b"a key of the tests only"

EVENT = CONTRACT["event"]
CORRECTION_DAYS = 45
TODAY = datetime.now(UTC).date()

ARROW = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}


def valid_rows(found: list[flights.Record], record: dict[str, Any]) -> list[dict[str, Any]]:
    checked = [
        records.validate(json.dumps(one).encode(), record, records.pseudonymiser(KEY))
        for one in found
    ]
    assert all(isinstance(one, records.Valid) for one in checked)
    return [one.values for one in checked if isinstance(one, records.Valid)]


def firehose_parquet(found: list[dict[str, Any]], record: dict[str, Any], folder: Path) -> None:
    """Rows as Firehose converts them: INT96 timestamps, in the folder of the day of arrival."""
    fields = record["fields"]
    arrow = pa.schema([(f["name"], ARROW.get(f["glue_type"], pa.timestamp("us"))) for f in fields])
    frame = pd.DataFrame([{f["name"]: row.get(f["name"]) for f in fields} for row in found])
    for field in fields:
        if field["glue_type"] == "timestamp":
            frame[field["name"]] = pd.to_datetime(frame[field["name"]])
        if field["glue_type"] == "bigint":
            frame[field["name"]] = frame[field["name"]].astype("Int64")
    target = folder / f"{names.ARRIVED}={TODAY}"
    target.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(frame, arrow, preserve_index=False)
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
    """Folders and tables as the job's arguments name them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = f"lake_{uuid4().hex[:12]}"
        (root / "contract.json").write_text(json.dumps(CONTRACT))
        give_birth(self.database)

    def run(self) -> None:
        arguments = {
            "input_contract": f"{self.root}/contract.json",
            "input_streams": f"{self.root}/stream/",
            "input_errors": f"{self.root}/errors/",
            "input_landing": f"{self.root}/landing/",
            "database": self.database,
            "correction_days": str(CORRECTION_DAYS),
            "pseudonym_key": "arn:x",
        }
        given = [part for name, value in arguments.items() for part in (f"--{name}", value)]
        with mock.patch.object(curate, "_key", return_value=KEY):
            curate.main([*given, "--JOB_NAME", "curate", "--enable-metrics"])

    def deliver(self, stream: str, rows: list[dict[str, Any]], record: dict[str, Any]) -> None:
        """Rows that Firehose delivers today."""
        firehose_parquet(rows, record, self.root / "stream" / stream)

    def table(self, name: str) -> pd.DataFrame:
        return self._spark.table(tables.name(self.database, name)).toPandas()

    def rows(self, name: str) -> int:
        """How many there are, whatever Python makes of their times."""
        return self._spark.table(tables.name(self.database, name)).count()

    def snapshots(self, name: str) -> int:
        """How often the table was written."""
        return self._spark.table(f"{tables.name(self.database, name)}.snapshots").count()

    def data_files(self, name: str) -> dict[str, date]:
        """Files with rows that the table has now, each with its day."""
        found = self._spark.table(f"{tables.name(self.database, name)}.files")
        rows = found.where("content = 0").select("file_path", "partition.*").collect()
        return {row[0]: row[1] for row in rows}

    @property
    def _spark(self) -> Any:
        return session.start("test")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Folders of a test's own."""
    return Lake(tmp_path)


@pytest.fixture(scope="module")
def month() -> flights.Month:
    """A few flights of one month."""
    return next(flights.months((1,), 0.002))
