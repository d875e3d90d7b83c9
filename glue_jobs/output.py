"""Rows as Parquet files in a given order."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame

# Bytes of a file, about: a reader opens few, and writers share the work.
FILE_BYTES = 256 * 1024 * 1024


def write(rows: DataFrame, order: Sequence[str], place: str) -> None:
    """Write rows in order, so that the same rows are the same bytes.

    As many files as their size in memory asks for, which is some times that of Parquet.
    """
    bytes_a_row = 8 * len(rows.columns)
    files = 1 + rows.count() * bytes_a_row // FILE_BYTES
    spread = rows.coalesce(1) if files == 1 else rows.repartitionByRange(files, *order)
    spread.sortWithinPartitions(*order).write.mode("overwrite").parquet(place)
