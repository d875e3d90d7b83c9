"""Firehose's Parquet, and which of its files cannot be read.

Spark reads all files or none: one that is damaged, or no Parquet, stops a job in each run until
somebody deletes it. To skip such files unseen would lose records, so when a run fails the job asks
which file it is, by halves, and leaves that out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from glue_jobs import session

# What Spark raises for a failed job, in one form or the other.
SPARK_ERRORS = (Py4JJavaError, PySparkException)
# Causes that are no fault of the file: it could not be fetched.
_NOT_THE_FILE = ("amazon", "s3a", "AccessControl", "FileNotFound", "java.net", "OutOfMemory")
LONGEST_REASON = 200


def read(
    spark: SparkSession, record: dict[str, Any], path: str, without: Sequence[str] = ()
) -> DataFrame | None:
    """Rows of a table by the contract's columns, but for some files; None if it has no file yet.

    Dates of partitions are not read: they follow from the record's own time.
    """
    if not session.has_files(spark, path, ".parquet"):
        return None
    reader = spark.read.schema(session.schema(record)).option("recursiveFileLookup", "true")
    rows = reader.parquet(path)
    return rows.where(~_in(without)) if without else rows


def unreadable(spark: SparkSession, record: dict[str, Any], path: str) -> dict[str, str]:
    """Files of a table that Spark cannot read by whatever types they have, with its reason.

    Raises:
        Py4JJavaError: a file could not be fetched, which is no fault of the file.
    """
    rows = read(spark, record, path)
    if rows is None:
        return {}
    return _unreadable(rows, [_spelled(uri) for uri in sorted(rows.inputFiles())])


def _unreadable(rows: DataFrame, files: Sequence[str]) -> dict[str, str]:
    if _failure(rows.where(_in(files))) is None:
        return {}
    if len(files) > 1:
        half = len(files) // 2
        return _unreadable(rows, files[:half]) | _unreadable(rows, files[half:])
    # Of another type than the contract's is not damaged: the reason may be ours.
    reason = _failure_by_own_types(rows.sparkSession, plain(files[0]))
    return {files[0]: reason} if reason is not None else {}


def _failure_by_own_types(spark: SparkSession, path: str) -> str | None:
    try:
        # Without folders in it that would become columns, and without patterns.
        return _failure(
            spark.read.option("recursiveFileLookup", "true").parquet(session.literal(path))
        )
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


def _in(files: Sequence[str]) -> Column:
    """Rows of these files; Spark opens no other for it."""
    return fn.col("_metadata.file_path").isin(list(files))


def _spelled(uri: str) -> str:
    """A location as ``_metadata.file_path`` has it."""
    return uri.replace("file:///", "file:/")


def plain(uri: str) -> str:
    """A location as Spark's ``path`` spells it, without escapes."""
    return unquote(uri).replace("file:///", "file:/")


def _causes(error: Exception) -> list[str]:
    """The errors that led to this one, outermost first: class and first line."""
    cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    found = []
    while cause is not None:
        first = (str(cause.getMessage() or "").splitlines() or [""])[0]
        found.append(f"{cause.getClass().getName()}: {first}")
        cause = cause.getCause()
    return found or [f"{type(error).__name__}: {error}"]
