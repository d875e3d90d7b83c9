"""What was written under an earlier contract, read as the present one has its columns.

Spark reads a file only by the types it was written with, and one file of other types would end the
job; Iceberg does not make a number of an integer. An integer that became a number is cast, and a
number that became an integer where it is one; what holds another value than the contract's type
becomes a row of ``rejected``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, types
from pyspark.sql import functions as fn

from core import names
from glue_jobs import rejections, session, streams, tables
from glue_jobs.files import union
from glue_jobs.tables import Table

STORED = "stored"
WRONG_TYPE = "wrong_type"
_WRONG, _SOURCE = f"{names.WORKING}wrong", f"{names.WORKING}source"


class Stored(NamedTuple):
    """Rows by the contract's columns, and rows of rejected."""

    rows: DataFrame
    rejected: DataFrame | None = None


def read(spark: SparkSession, record: dict[str, Any], paths: Sequence[str], stream: str) -> Stored:
    """Rows of files of Firehose."""
    wanted = session.schema(record)
    kinds = _kinds(spark, list(paths))
    if all(_is_of(found, wanted) for _, found in kinds):
        return Stored(streams.read(spark, record, paths))
    parts = [_as_written(spark, wanted, files, found) for files, found in kinds]
    return _sorted_out(union(parts), record, stream)


def retype(
    spark: SparkSession,
    table: Table,
    record: dict[str, Any],
    stream: str,
    held: Mapping[str, types.DataType],
) -> DataFrame:
    """Write a table anew whose columns are ``held`` by other types; rows of rejected.

    In one commit, and seldom: the contract gave a column another type.
    """
    rows = spark.table(table.name).withColumn(_SOURCE, fn.input_file_name())
    found = _sorted_out(_cast(rows, table.columns, held), record, stream)
    rejected = found.rejected
    # Now: afterwards the table no longer holds what was wrong.
    told = (rejected if rejected is not None else rejections.rows(spark, [])).localCheckpoint()
    tables.replace(found.rows, table)
    return told


def _kinds(spark: SparkSession, paths: list[str]) -> list[tuple[list[str], types.StructType]]:
    """Paths in groups that have one type for each column, each group with its columns.

    Files of a kind lie beside each other in the order of their dates, so halves are soon uniform.
    """
    try:
        merged = streams.reader(spark).option("mergeSchema", "true")
        return [(paths, merged.parquet(*map(session.literal, paths)).schema)]
    except streams.SPARK_ERRORS:
        if len(paths) == 1:
            raise
        half = len(paths) // 2
        return _kinds(spark, paths[:half]) + _kinds(spark, paths[half:])


def _is_of(found: types.StructType, wanted: types.StructType) -> bool:
    """Whether every column that the files have is of the contract's type."""
    mine = {field.name: field.dataType for field in found}
    return all(mine.get(field.name, field.dataType) == field.dataType for field in wanted)


def _as_written(
    spark: SparkSession, wanted: types.StructType, paths: list[str], found: types.StructType
) -> DataFrame:
    """One group's rows in the contract's types."""
    mine = {field.name: field.dataType for field in found}
    held = {f.name: mine[f.name] for f in wanted if mine.get(f.name, f.dataType) != f.dataType}
    own = types.StructType(
        [types.StructField(f.name, held.get(f.name, f.dataType)) for f in wanted]
    )
    rows = streams.reader(spark).schema(own).parquet(*map(session.literal, paths))
    return _cast(rows.withColumn(_SOURCE, fn.input_file_name()), wanted, held)


def _cast(
    rows: DataFrame, wanted: types.StructType, held: Mapping[str, types.DataType]
) -> DataFrame:
    """Rows in the wanted types; ``_WRONG`` names the first field of which one has none."""
    casts = {f.name: _exactly(fn.col(f.name), held.get(f.name, f.dataType), f) for f in wanted}
    wrong = [
        fn.when(fn.col(name).isNotNull() & casts[name].isNull(), fn.lit(name)) for name in held
    ]
    return rows.select(
        *[cast.alias(name) for name, cast in casts.items()],
        fn.coalesce(*wrong, fn.lit(None).cast("string")).alias(_WRONG),
        _SOURCE,
    )


def _sorted_out(whole: DataFrame, record: dict[str, Any], stream: str) -> Stored:
    whole = whole.cache()
    rejected = _rejected(whole.where(fn.col(_WRONG).isNotNull()), record, stream)
    return Stored(whole.where(fn.col(_WRONG).isNull()).drop(_WRONG, _SOURCE), rejected)


def _exactly(value: Column, found: types.DataType, wanted: types.StructField) -> Column:
    """The value in the wanted type; null where that is not the same value.

    Nothing becomes text: a classified value would come to stand in clear where pseudonyms do.
    """
    if found == wanted.dataType:
        return value
    numbers = (types.LongType(), types.IntegerType(), types.DoubleType(), types.FloatType())
    if found not in numbers or wanted.dataType not in numbers:
        return fn.lit(None).cast(wanted.dataType)
    cast = value.cast(wanted.dataType)
    return fn.when(cast.cast(found) == value, cast)


def _rejected(wrong: DataFrame, record: dict[str, Any], stream: str) -> DataFrame:
    return wrong.select(
        fn.lit(stream).alias("stream"),
        fn.col(record["id_field"]).alias("record_id"),
        fn.lit(WRONG_TYPE).alias("code"),
        fn.col(_WRONG).alias("field"),
        fn.lit(STORED).alias("origin"),
        fn.col(_SOURCE).alias("source_object"),
        fn.lit(None).cast(types.StringType()).alias("detail"),
    ).select(*rejections.NAMES)
