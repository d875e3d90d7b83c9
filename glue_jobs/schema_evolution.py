"""Parquet that was written under an earlier contract, read as the present one has its columns.

Spark reads a file only by the types it was written with, and one file of other types would end the
job. An integer that became a number is cast, and a number that became an integer where it is one;
what holds another value than the contract's type becomes a row of ``rejected``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, types
from pyspark.sql import functions as fn

from core import names
from glue_jobs import files, session, streams

STORED = "stored"
WRONG_TYPE = "wrong_type"
_WRONG, _SOURCE = f"{names.WORKING}wrong", f"{names.WORKING}source"


class Stored(NamedTuple):
    """Rows by the contract's columns, rows of rejected, and whether a file has other types."""

    rows: DataFrame
    rejected: DataFrame | None = None
    outdated: bool = False


def read(
    spark: SparkSession,
    record: dict[str, Any],
    path: str,
    stream: str,
    without: Sequence[str] = (),
) -> Stored | None:
    """The table below ``path``, but for some files; None if it has no file yet.

    Dates of partitions are not read: they follow from the record's own time.
    """
    left_out = {streams.plain(uri) for uri in without}
    inside = [one for one in session.files(spark, path, ".parquet") if one not in left_out]
    if not inside:
        return None
    wanted = session.schema(record)
    kinds = _kinds(spark, inside if without else [path])
    if all(_is_of(found, wanted) for _, found in kinds):
        rows = streams.read(spark, record, path, without)
        return Stored(rows) if rows is not None else None
    whole = files.union([_cast(spark, record, paths, found) for paths, found in kinds]).cache()
    rejected = _rejected(whole.where(fn.col(_WRONG).isNotNull()), record, stream)
    return Stored(
        whole.where(fn.col(_WRONG).isNull()).select(*wanted.names),
        # Now: Spark forgets what a table held once the table is written anew.
        rejected.localCheckpoint(),
        outdated=True,
    )


def _reader(spark: SparkSession) -> Any:
    return spark.read.option("recursiveFileLookup", "true")


def _kinds(spark: SparkSession, paths: list[str]) -> list[tuple[list[str], types.StructType]]:
    """Paths in groups that have one type for each column, each group with its columns.

    Files of a kind lie beside each other in the order of their dates, so halves are soon uniform.
    """
    try:
        merged = _reader(spark).option("mergeSchema", "true").parquet(*paths)
    except streams.SPARK_ERRORS:
        if len(paths) == 1:
            inside = session.files(spark, paths[0], ".parquet")
            if inside == paths:
                raise
            return _kinds(spark, inside)
        half = len(paths) // 2
        return _kinds(spark, paths[:half]) + _kinds(spark, paths[half:])
    return [(paths, merged.schema)]


def _is_of(found: types.StructType, wanted: types.StructType) -> bool:
    """Whether every column that the files have is of the contract's type."""
    mine = {field.name: field.dataType for field in found}
    return all(mine.get(field.name, field.dataType) == field.dataType for field in wanted)


def _cast(
    spark: SparkSession, record: dict[str, Any], paths: list[str], found: types.StructType
) -> DataFrame:
    """One group's rows in the contract's types; ``_WRONG`` names the first field without one."""
    wanted = session.schema(record)
    mine = {field.name: field.dataType for field in found}
    own = types.StructType(
        [types.StructField(f.name, mine.get(f.name, f.dataType)) for f in wanted]
    )
    rows = _reader(spark).schema(own).parquet(*paths)
    casts = {f.name: _exactly(fn.col(f.name), mine.get(f.name, f.dataType), f) for f in wanted}
    wrong = [
        fn.when(fn.col(name).isNotNull() & cast.isNull(), fn.lit(name))
        for name, cast in casts.items()
    ]
    return rows.select(
        *[cast.alias(name) for name, cast in casts.items()],
        fn.coalesce(*wrong).alias(_WRONG),
        fn.input_file_name().alias(_SOURCE),
    )


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
    ).select(*files.REJECTED.names)
