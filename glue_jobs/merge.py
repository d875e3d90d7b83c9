"""Records that arrived are merged into their table: one row for each id.

Of several records with one id the latest by its time field wins, then by content, so that it does
not matter in which order they come. Rows of before are looked for on the days of what arrived, and
some days around them, where an id and its time are enough: cost follows the news. An id that comes
again with a time still farther away makes a second row, which the rule of uniqueness tells.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from core import names
from glue_jobs import tables
from glue_jobs.tables import Table

CONTENT, DATE, HELD, HELD_TIME, HELD_CONTENT, KNOWN, WINNER = (
    f"{names.WORKING}{name}"
    for name in ("content", "date", "held", "held_time", "held_content", "known", "winner")
)
_NEWS = f"{names.WORKING}news"


def merge(
    spark: SparkSession, table: Table, id_field: str, arrived: DataFrame, days_apart: int
) -> None:
    """Bring a table up to date in one commit; none if nothing of it is news.

    Two times of one id are expected to lie at most ``days_apart`` days apart.
    """
    if arrived.isEmpty():
        return
    winners = _winners(table, id_field, arrived)
    if tables.snapshot(spark, table.name) is None:
        tables.append(winners, table)
        return
    winners = winners.cache()
    days = [row[0] for row in winners.select(DATE).distinct().collect()]
    near = tables.spans(days, days_apart)
    news = _news(winners, _held(spark, table, id_field, days, near), table, id_field).cache()
    kinds = {known for (known,) in news.select(KNOWN).distinct().collect()}
    if kinds == {False}:
        tables.append(news, table)
    elif kinds:
        _update(spark, table, id_field, news, near)
    news.unpersist()
    winners.unpersist()


def _content(table: Table) -> Column:
    return fn.xxhash64(*table.columns.names)


def _winners(table: Table, id_field: str, arrived: DataFrame) -> DataFrame:
    """The record of each id that wins among what arrived, with its date and its hash."""
    rows = arrived.select(
        *table.columns.names,
        _content(table).alias(CONTENT),
        fn.to_date(table.time).alias(DATE),
    )
    whole = fn.struct(*rows.columns)
    best = fn.max_by(whole, fn.struct(table.time, CONTENT)).alias(WINNER)
    return rows.groupBy(id_field).agg(best).select(f"{WINNER}.*")


def _held(
    spark: SparkSession,
    table: Table,
    id_field: str,
    days: list[date],
    near: list[tuple[date, date]],
) -> DataFrame:
    """Time and hash of rows in the table by id; no hash on days of which nothing arrived."""
    rows, same = tables.read(spark, table), tables.spans(days)
    identity = [fn.col(id_field), fn.col(table.time).alias(HELD_TIME)]
    beside = tables.within(table.time, near) & ~tables.within(table.time, same)
    there = rows.where(tables.within(table.time, same))
    other = rows.where(beside).select(*identity, fn.lit(None).cast("long").alias(HELD_CONTENT))
    both = there.select(*identity, _content(table).alias(HELD_CONTENT)).unionByName(other)
    return both.groupBy(id_field).agg(fn.max(fn.struct(HELD_TIME, HELD_CONTENT)).alias(HELD))


def _news(winners: DataFrame, held: DataFrame, table: Table, id_field: str) -> DataFrame:
    """Winners that are new or beat the row of before, and whether there is one."""
    mine = fn.struct(fn.col(table.time).alias(HELD_TIME), fn.col(CONTENT).alias(HELD_CONTENT))
    known = fn.col(HELD).isNotNull()
    return (
        winners.join(held, id_field, "left")
        .where(~known | (mine > fn.col(HELD)))
        .select(*table.columns.names, known.alias(KNOWN))
    )


def _update(
    spark: SparkSession,
    table: Table,
    id_field: str,
    news: DataFrame,
    near: list[tuple[date, date]],
) -> None:
    tables.aligned(news, table).createOrReplaceTempView(_NEWS)
    around = " OR ".join(
        f"(t.`{table.time}` >= timestamp'{first} 00:00:00'"
        f" AND t.`{table.time}` < timestamp'{last + tables.DAY} 00:00:00')"
        for first, last in near
    )
    spark.sql(
        f"MERGE INTO {table.name} t USING {_NEWS} n"
        f" ON t.`{id_field}` = n.`{id_field}` AND ({around})"
        " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
