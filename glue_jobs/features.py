"""Glue job: labelled events of a window as feature tables, with the files that explain them.

Reads the curated events once, as of one snapshot of each table, joins the labels known by
``as_of``, cuts the rows by time, fits the encodings and the drift baseline on the train part only,
and writes the three parts beside
``feature_spec.json``, ``statistics.json`` and ``baseline.json``. Rows of the train part are encoded
by what the rest of it says, so that no row sees its own label.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, types
from pyspark.sql import functions as fn

from core import names
from glue_jobs import output, session, summaries, tables, times, windows
from glue_jobs.arguments import parse, refused
from glue_jobs.summaries import Hour
from glue_jobs.tables import Table
from glue_jobs.windows import PARTS, Window
from model_code import tasks
from model_code.features import fit
from model_code.features.spark import columns
from model_code.features.transform import RAW

REQUIRED = (
    "input_contract",
    "database",
    "output_run",
    "window_days",
    "validation_share",
    "holdout_share",
    "as_of",
)
OPTIONAL = (
    "window_start",
    "window_end",
    "started_at",
    "events_snapshot",
    "labels_snapshot",
)
LABEL, LABELLED_AT = names.LABEL_COLUMN, f"{names.WORKING}labelled_at"
# Rank error of a bin's edge is at most one in this many rows.
QUANTILE_ACCURACY = 10_000
FOLDS = 5

Contract = dict[str, Any]


class Input(NamedTuple):
    """A table as of one of its snapshots, by which the same training set can be made again."""

    table: Table
    snapshot: int


Counts = dict[str, dict[str | None, tuple[int, float]]]
# Of labels: exact, so that a sum does not depend on the order of rows.
EXACT = "decimal(38,9)"


def main(argv: Sequence[str]) -> None:
    """Run the job; SystemExit with a reason if the data cannot make a run."""
    arguments = parse(argv, REQUIRED, OPTIONAL)
    asked = windows.asked(arguments)
    spark = session.start("millrace-features")
    contract: Contract = session.read_json(spark, arguments["input_contract"])
    events, labelled = (_as_of_now(spark, contract, arguments, name) for name in names.STREAMS)
    newest = _newest(spark, contract, labelled, asked.started_at or windows.LAST)
    window = windows.window(asked, newest, timedelta(hours=contract["label_latency_hours"]))
    labels = _labels(spark, contract, labelled).where(
        # A label is never older than its event: earlier partitions need not be read.
        fn.col(LABELLED_AT).between(times.literal(window.start), times.literal(window.as_of))
    )
    rows = _labelled(spark, contract, events, labels, window).cache()
    hours = _by_hour(rows, contract)
    known = [(hour, labelled) for hour, _, labelled, _ in hours]
    cuts = windows.cuts(known, asked.validation_share, asked.holdout_share)
    fold = _fold(contract, windows.turn(known, cuts[0], FOLDS))
    train = _part(rows, contract, "train", cuts)
    folds = _category_counts(train, contract, fold)
    counts = {name: fit.together([one[name] for one in folds]) for name in folds[0]}
    spec = fit.feature_spec(contract, window.document(), counts)
    for part in PARTS:
        inside = _part(rows, contract, part, cuts)
        table = _encoded(inside, contract, fit.for_training(spec, folds), part, fold)
        order = [contract["event"]["time_field"], contract["event"]["id_field"]]
        output.write(table, order, f"{arguments['output_run']}{part}/")
    days, baseline = _baseline(train, contract, counts)
    statistics = summaries.statistics(contract, window, hours, cuts, baseline)
    # As text: a state machine would round such numbers.
    snapshots = {names.EVENTS: str(events.snapshot), names.LABELS: str(labelled.snapshot)}
    statistics["snapshots"] = snapshots
    documents = {
        names.FEATURE_SPEC_FILE: spec,
        names.STATISTICS_FILE: statistics,
        names.BASELINE_FILE: summaries.baseline(contract, window, statistics, days, baseline),
        # Training ships the contract inside the model.
        names.CONTRACT_FILE: contract,
    }
    for name, document in documents.items():
        session.write_json(spark, arguments["output_run"] + name, document)


def _task(contract: Contract) -> Any:
    """How the contract's task makes columns of labels."""
    return tasks.part(contract["task"], "labels")


def _as_of_now(
    spark: SparkSession, contract: Contract, arguments: Mapping[str, str], name: str
) -> Input:
    """A table as of the snapshot that is asked for, or else of the present one.

    Raises:
        SystemExit: the table has none yet, or not the one that is asked for.
    """
    record = contract[{names.EVENTS: "event", names.LABELS: "label"}[name]]
    table = tables.of_record(arguments["database"], name, record)
    given = arguments.get(f"{name}_snapshot")
    found = int(given) if given and given.isdecimal() else None
    if given and found not in tables.snapshots(spark, table.name):
        raise refused(arguments, f"{name}_snapshot", f"the id of a snapshot of {name}")
    present = found if given else tables.snapshot(spark, table.name)
    if present is None:
        raise SystemExit(f"there is no {record['name']} record yet")
    return Input(table, present)


def _labels(spark: SparkSession, contract: Contract, labelled: Input) -> DataFrame:
    """Id, time and the task's number of every label."""
    record = contract["label"]
    label = _task(contract).label(contract["label_rule"]).alias(LABEL)
    known_at = fn.col(record["time_field"]).alias(LABELLED_AT)
    rows = tables.read(spark, labelled.table, labelled.snapshot)
    return rows.select(record["id_field"], known_at, label)


def _newest(spark: SparkSession, contract: Contract, labelled: Input, limit: datetime) -> datetime:
    """Time of the newest label up to ``limit``."""
    found = times.newest(spark, labelled.table, labelled.snapshot, limit)
    if found is None:
        raise SystemExit(f"there is no {contract['label']['name']} record yet")
    return found


def _labelled(
    spark: SparkSession, contract: Contract, events: Input, labels: DataFrame, window: Window
) -> DataFrame:
    """The window's events with their label, null where it is not known by ``as_of``."""
    record = contract["event"]
    time = fn.col(record["time_field"])
    rows = tables.read(spark, events.table, events.snapshot)
    inside = rows.where((time >= times.literal(window.start)) & (time < times.literal(window.end)))
    known = labels.where(fn.col(LABELLED_AT) <= times.literal(window.as_of))
    known = known.select(contract["label"]["id_field"], LABEL)
    wanted = [record["id_field"], record["time_field"], LABEL]
    wanted += [feature["name"] for feature in contract["features"]]
    return inside.join(known, record["id_field"], "left").select(*wanted)


def _by_hour(rows: DataFrame, contract: Contract) -> list[Hour]:
    """Hour, events, labelled events and the task's tallies, in order."""
    hour = fn.date_trunc("hour", fn.col(contract["event"]["time_field"]))
    tallies = _task(contract).tallies(fn.col(LABEL), contract["label_rule"])
    sums = [fn.coalesce(fn.sum(one).cast("double"), fn.lit(0.0)) for one in tallies]
    grouped = rows.groupBy(fn.unix_micros(hour).alias("hour")).agg(
        fn.count(fn.lit(1)), fn.count(LABEL), fn.array(*sums)
    )
    found = grouped.collect()
    return sorted((times.moment(h), events, known, sums) for h, events, known, sums in found)


def _part(
    rows: DataFrame, contract: Contract, part: str, cuts: tuple[datetime, datetime]
) -> DataFrame:
    """Labelled rows of one part."""
    time = fn.col(contract["event"]["time_field"])
    inside = {
        "train": time < times.literal(cuts[0]),
        "validation": (time >= times.literal(cuts[0])) & (time < times.literal(cuts[1])),
        "holdout": time >= times.literal(cuts[1]),
    }
    return rows.where(fn.col(LABEL).isNotNull() & inside[part])


def _named(contract: Contract, kind: str) -> list[str]:
    return [feature["name"] for feature in contract["features"] if feature["kind"] == kind]


def _fold(contract: Contract, turn: timedelta) -> Column:
    """Number of a row's fold: folds have turns of this length."""
    turns = fn.unix_micros(contract["event"]["time_field"]) / fn.lit(turn // windows.RESOLUTION)
    return fn.pmod(fn.floor(turns), fn.lit(FOLDS)).cast("int")


def _category_counts(train: DataFrame, contract: Contract, fold: Column) -> list[Counts]:
    """Rows and sum of labels by value, for each fold and category, in one pass."""
    categories = _named(contract, "category")
    found: list[Counts] = [{name: {} for name in categories} for _ in range(FOLDS)]
    if categories:
        pairs = fn.array(
            *[fn.struct(fn.lit(n).alias("name"), fn.col(n).alias("value")) for n in categories]
        )
        exploded = train.select(LABEL, fold.alias("fold"), fn.explode(pairs).alias("pair"))
        grouped = exploded.groupBy("fold", "pair.name", "pair.value").agg(
            fn.count(fn.lit(1)), fn.sum(fn.col(LABEL).cast(EXACT)).cast("double")
        )
        for number, name, value, rows, labels in grouped.collect():
            found[number][name][value] = (rows, labels)
    return found


def _baseline(
    train: DataFrame, contract: Contract, counts: Counts
) -> tuple[list[str], dict[str, Any]]:
    """Days of the train part, and for each feature its bins and their rows by day.

    Names and values in rows of their own need one expression for all features together. Written
    out for each feature and edge, compiling the expressions took longer than computing them.
    """
    edges = _edges(train, contract)
    values = {name: fit.commonest(found) for name, found in counts.items()}
    day = fn.date_format(contract["event"]["time_field"], "yyyy-MM-dd").alias("day")
    text, number = types.StringType(), types.DoubleType()
    pairs = [
        fn.struct(
            fn.lit(feature["name"]).alias("name"),
            (fn.col(feature["name"]) if feature["kind"] == "category" else fn.lit(None))
            .cast(text).alias("category"),
            (fn.col(feature["name"]) if feature["kind"] == "number" else fn.lit(None))
            .cast(number).alias("value"),
        )
        for feature in contract["features"]
    ]  # fmt: skip
    long = train.select(day, fn.explode(fn.array(*pairs)).alias("pair")).select("day", "pair.*")
    place = fn.coalesce(_bin(edges), _position(values))
    grouped = long.groupBy("name", "day", place.alias("bin")).count().collect()
    days = sorted({row["day"] for row in grouped})
    bins = {n: len(one) + 1 for n, one in edges.items()}
    bins |= {n: len(one) + 1 for n, one in values.items()}
    by_day = {name: [[0] * (size + 1) for _ in days] for name, size in bins.items()}
    position = {date: index for index, date in enumerate(days)}
    for name, date, index, rows in grouped:
        by_day[name][position[date]][bins[name] if index is None else index] = rows
    return days, {
        **{name: fit.numeric_baseline(edges[name], by_day[name]) for name in edges},
        **{name: fit.category_baseline(values[name], by_day[name]) for name in values},
    }


def _edges(train: DataFrame, contract: Contract) -> dict[str, list[float]]:
    """Inner edges of the bins of every number, at quantiles of the train part."""
    numbers = _named(contract, "number")
    if not numbers:
        return {}
    bins = int(contract["monitoring"]["bins"])
    shares = [index / bins for index in range(1, bins)]
    pairs = fn.array(*[fn.struct(fn.lit(n), fn.col(n).cast("double")) for n in numbers])
    values = train.select(fn.explode(pairs).alias("pair")).select(
        fn.col("pair.col1").alias("name"), fn.col("pair.col2").alias("value")
    )
    quantiles = fn.percentile_approx("value", shares, QUANTILE_ACCURACY)
    found = dict(values.groupBy("name").agg(quantiles).collect())
    return {n: fit.inner_edges([float(value) for value in found.get(n) or []]) for n in numbers}


def _bin(edges: Mapping[str, Sequence[float]]) -> Column:
    """How many of its feature's edges lie below ``value``; null for null."""
    kind = types.MapType(types.StringType(), types.ArrayType(types.DoubleType()))
    mine = fn.element_at(fn.from_json(fn.lit(json.dumps(edges)), kind), fn.col("name"))
    value = fn.col("value")
    return fn.when(value.isNotNull(), fn.size(fn.filter(mine, lambda edge: edge < value)))


def _position(values: Mapping[str, Sequence[str]]) -> Column:
    """Place of ``category`` among its feature's values, the last for all others; null for null."""
    places = {name: dict(zip(mine, range(len(mine)), strict=True)) for name, mine in values.items()}
    text, number = types.StringType(), types.IntegerType()
    kind = types.MapType(text, types.MapType(text, number))
    mine = fn.element_at(fn.from_json(fn.lit(json.dumps(places)), kind), fn.col("name"))
    found = fn.coalesce(fn.element_at(mine, fn.col("category")), fn.size(mine))
    return fn.when(fn.col("category").isNotNull(), found)


def _encoded(
    rows: DataFrame, contract: Contract, spec: dict[str, Any], part: str, fold: Column
) -> DataFrame:
    """Key, time, label and features of a part; only the train part's own rows go by fold."""
    record = contract["event"]
    wanted = [
        fn.col(record["id_field"]),
        fn.col(record["time_field"]),
        fn.col(LABEL),
        *columns(spec, fold if part == "train" else None),
    ]
    if part == "holdout":
        # A champion has encodings of its own, so the hold-out keeps what they start from.
        wanted += [fn.col(name).alias(f"{RAW}{name}") for name in _named(contract, "category")]
    return rows.select(*wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
