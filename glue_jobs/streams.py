"""Firehose's Parquet, and which of its files cannot be read.

Spark reads all files or none: one that is damaged, or no Parquet, would stop the job in each run.
To skip such files unseen would lose records, so when a run fails the job asks which file it is, by
halves, and leaves that out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn

from glue_jobs import session

# What Spark raises for a failed job, in one form or the other.
SPARK_ERRORS = (Py4JJavaError, PySparkException)
# Causes that are no fault of the file: it could not be fetched.
_NOT_THE_FILE = (
    "amazon", "awssdk", "s3a", "AccessDenied", "AccessControl", "FileNotFound", "java.net",
    "OutOfMemory",
)  # fmt: skip
LONGEST_REASON = 200


def reader(spark: SparkSession) -> Any:
    """Of files by their names: no folder in them becomes a column."""
    return spark.read.option("recursiveFileLookup", "true")


def read(spark: SparkSession, record: dict[str, Any], paths: Sequence[str]) -> DataFrame:
    """Rows of files by the contract's columns."""
    rows: DataFrame = reader(spark).schema(session.schema(record)).parquet(
        *map(session.literal, paths)
    )  # fmt: skip
    return rows


def unreadable(spark: SparkSession, record: dict[str, Any], paths: Sequence[str]) -> dict[str, str]:
    """Files that Spark cannot read by whatever types they have, with its reason.

    Raises:
        Py4JJavaError: a file could not be fetched, which is no fault of the file.
    """
    if not paths or _failure(read(spark, record, paths)) is None:
        return {}
    if len(paths) > 1:
        half = len(paths) // 2
        first, rest = paths[:half], paths[half:]
        return unreadable(spark, record, first) | unreadable(spark, record, rest)
    # Of another type than the contract's is not damaged: the reason may be ours.
    reason = _failure_by_own_types(spark, paths[0])
    return {paths[0]: reason} if reason is not None else {}


def _failure_by_own_types(spark: SparkSession, path: str) -> str | None:
    try:
        return _failure(reader(spark).parquet(session.literal(path)))
    except SPARK_ERRORS as error:
        return _reason(error)


def _failure(rows: DataFrame) -> str | None:
    """Why rows cannot be read; None if they can."""
    try:
        rows.agg(fn.max(fn.xxhash64("*"))).collect()
    except SPARK_ERRORS as error:
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    causes = _causes(error)
    if any(word in cause for cause in causes for word in _NOT_THE_FILE):
        raise error
    return causes[-1][:LONGEST_REASON]


def _causes(error: Exception) -> list[str]:
    """The errors that led to this one, outermost first: class and first line."""
    cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    found = []
    while cause is not None:
        first = (str(cause.getMessage() or "").splitlines() or [""])[0]
        found.append(f"{cause.getClass().getName()}: {first}")
        cause = cause.getCause()
    return found or [f"{type(error).__name__}: {error}"]
