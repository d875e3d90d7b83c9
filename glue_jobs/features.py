"""Glue job: labelled events of a window as feature tables, with the files that explain them.

Reads the curated events once, joins the labels known by ``as_of``, cuts the rows by time, fits the
encodings and the drift baseline on the train part only, and writes the three parts beside
``feature_spec.json``, ``statistics.json`` and ``baseline.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, types
from pyspark.sql import functions as fn

from glue_jobs import session, summaries, windows
from glue_jobs.arguments import parse
from glue_jobs.summaries import Hour
from glue_jobs.windows import PARTS, Window
from lambdas.shared import names
from model_code.features import fit
from model_code.features.spark import columns
from model_code.features.transform import RAW

REQUIRED = (
    "input_contract",
    "input_events",
    "input_labels",
    "output_run",
    "window_days",
    "validation_share",
    "holdout_share",
    "as_of",
)
OPTIONAL = ("window_start", "window_end")
LABEL = "label"
# Rank error of a bin's edge is at most one in this many rows.
QUANTILE_ACCURACY = 10_000

Contract = dict[str, Any]
Counts = dict[str, dict[str | None, tuple[int, int]]]


def main(argv: Sequence[str]) -> None:
    """Run the job; SystemExit with a reason if the data cannot make a run."""
    arguments = parse(argv, REQUIRED, OPTIONAL)
    spark = session.start("millrace-features")
    contract: Contract = session.read_json(spark, arguments["input_contract"])
    window = windows.window(arguments, _newest(spark, contract, arguments["input_labels"]))
    labels = _labels(spark, contract, arguments["input_labels"]).where(
        # A label is never older than its event: earlier partitions need not be read.
        fn.col(names.PARTITION_DATE).between(*_dates(window.start, window.as_of))
    )
    rows = _labelled(spark, contract, arguments["input_events"], labels, window).cache()
    hours = _by_hour(rows, contract)
    cuts = windows.cuts(
        [(hour, labelled) for hour, _, labelled, _ in hours],
        float(arguments["validation_share"]),
        float(arguments["holdout_share"]),
    )
    train = _part(rows, contract, "train", cuts)
    counts, baseline = _category_counts(train, contract), _baseline_numbers(train, contract)
    baseline |= {name: fit.category_baseline(values) for name, values in counts.items()}
    spec = fit.feature_spec(contract, window.document(), counts)
    _write_parts(rows, contract, spec, cuts, arguments["output_run"])
    statistics = summaries.statistics(contract, window, hours, cuts, baseline)
    documents = {
        names.FEATURE_SPEC_FILE: spec,
        names.STATISTICS_FILE: statistics,
        names.BASELINE_FILE: summaries.baseline(contract, window, statistics, baseline),
        # Training ships the contract inside the model.
        names.CONTRACT_FILE: contract,
    }
    for name, document in documents.items():
        session.write_json(spark, arguments["output_run"] + name, document)


def _labels(spark: SparkSession, contract: Contract, path: str) -> DataFrame:
    """Id, time, 0/1 label and date of every label."""
    record, rule = contract["label"], contract["label_rule"]
    late = (fn.col(rule["field"]) >= fn.lit(rule["at_least"])).cast("int").alias(LABEL)
    known_at = fn.col(record["time_field"]).alias("_labelled_at")
    wanted = (record["id_field"], known_at, late, names.PARTITION_DATE)
    return session.read_dated(spark, record, path).select(*wanted)


def _newest(spark: SparkSession, contract: Contract, path: str) -> datetime:
    """Time of the newest label; it lies in the partition of the latest date."""
    dates = session.partitions(spark, path, names.PARTITION_DATE)
    if not dates:
        raise SystemExit(f"there is no {contract['label']['name']} record yet")
    labels = _labels(spark, contract, path)
    last = labels.where(fn.col(names.PARTITION_DATE) == dates[-1])
    # Epoch microseconds: collected timestamps would come in the driver's own time zone.
    return _moment(last.agg(fn.max(fn.unix_micros("_labelled_at"))).collect()[0][0])


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )


def _labelled(
    spark: SparkSession, contract: Contract, path: str, labels: DataFrame, window: Window
) -> DataFrame:
    """The window's events with ``label`` 0, 1 or null: not known by ``as_of``."""
    record = contract["event"]
    time = fn.col(record["time_field"])
    inside = (
        session.read_dated(spark, record, path)
        # Dates prune partitions; times decide.
        .where(fn.col(names.PARTITION_DATE).between(*_dates(window.start, window.end)))
        .where((time >= _lit(window.start)) & (time < _lit(window.end)))
    )
    known = labels.where(fn.col("_labelled_at") <= _lit(window.as_of))
    known = known.select(contract["label"]["id_field"], LABEL)
    wanted = [record["id_field"], record["time_field"], LABEL]
    wanted += [feature["name"] for feature in contract["features"]]
    return inside.join(known, record["id_field"], "left").select(*wanted)


def _dates(first: datetime, last: datetime) -> tuple[str, str]:
    return f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"


def _lit(value: datetime) -> Column:
    return fn.lit(windows.iso(value)).cast("timestamp")


def _by_hour(rows: DataFrame, contract: Contract) -> list[Hour]:
    """Hour, events, labelled events and positives, in order."""
    hour = fn.date_trunc("hour", fn.col(contract["event"]["time_field"]))
    grouped = rows.groupBy(fn.unix_micros(hour).alias("hour")).agg(
        fn.count(fn.lit(1)), fn.count(LABEL), fn.coalesce(fn.sum(LABEL), fn.lit(0))
    )
    return sorted((_moment(h), events, known, late) for h, events, known, late in grouped.collect())


def _part(
    rows: DataFrame, contract: Contract, part: str, cuts: tuple[datetime, datetime]
) -> DataFrame:
    """Labelled rows of one part."""
    time = fn.col(contract["event"]["time_field"])
    inside = {
        "train": time < _lit(cuts[0]),
        "validation": (time >= _lit(cuts[0])) & (time < _lit(cuts[1])),
        "holdout": time >= _lit(cuts[1]),
    }
    return rows.where(fn.col(LABEL).isNotNull() & inside[part])


def _named(contract: Contract, kind: str) -> list[str]:
    return [feature["name"] for feature in contract["features"] if feature["kind"] == kind]


def _category_counts(train: DataFrame, contract: Contract) -> Counts:
    """Rows and positives by value, for each category, in one pass."""
    categories = _named(contract, "category")
    counts: Counts = {name: {} for name in categories}
    if categories:
        pairs = fn.array(
            *[fn.struct(fn.lit(n).alias("name"), fn.col(n).alias("value")) for n in categories]
        )
        exploded = train.select(LABEL, fn.explode(pairs).alias("pair"))
        grouped = exploded.groupBy("pair.name", "pair.value").agg(
            fn.count(fn.lit(1)), fn.sum(LABEL)
        )
        for name, value, rows, positives in grouped.collect():
            counts[name][value] = (rows, positives)
    return counts


def _baseline_numbers(train: DataFrame, contract: Contract) -> dict[str, Any]:
    """Quantile bins of every number in the train part: edges first, then rows in each bin.

    Names and values in rows of their own need one expression for all features together. Written
    out for each feature and edge, compiling the expressions took longer than computing them.
    """
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
    edges = {n: fit.inner_edges([float(value) for value in found.get(n) or []]) for n in numbers}
    grouped = values.groupBy("name", _bin(edges).alias("bin")).count()
    counts: dict[str, dict[int | None, int]] = {n: {} for n in numbers}
    for name, index, rows in grouped.collect():
        counts[name][index] = rows
    return {
        n: fit.numeric_baseline(
            edges[n], {k: v for k, v in counts[n].items() if k is not None}, counts[n].get(None, 0)
        )
        for n in numbers
    }


def _bin(edges: Mapping[str, Sequence[float]]) -> Column:
    """How many of its feature's edges lie below ``value``; null for null."""
    kind = types.MapType(types.StringType(), types.ArrayType(types.DoubleType()))
    mine = fn.element_at(fn.from_json(fn.lit(json.dumps(edges)), kind), fn.col("name"))
    value = fn.col("value")
    return fn.when(value.isNotNull(), fn.size(fn.filter(mine, lambda edge: edge < value)))


def _write_parts(
    rows: DataFrame,
    contract: Contract,
    spec: dict[str, Any],
    cuts: tuple[datetime, datetime],
    output: str,
) -> None:
    record = contract["event"]
    kept = [
        fn.col(record["id_field"]),
        fn.col(record["time_field"]),
        fn.col(LABEL).cast("double").alias(LABEL),
        *columns(spec),
    ]
    # A champion has encodings of its own, so the hold-out keeps what they start from.
    raw = [fn.col(name).alias(f"{RAW}{name}") for name in _named(contract, "category")]
    for part in PARTS:
        wanted = [*kept, *raw] if part == "holdout" else kept
        table = _part(rows, contract, part, cuts).select(*wanted)
        table.coalesce(1).write.mode("overwrite").parquet(f"{output}{part}/")


if __name__ == "__main__":
    main(sys.argv[1:])
