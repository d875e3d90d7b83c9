"""Glue job: labelled events of a window as feature tables, with the files that explain them.

Reads the curated events once, joins the labels known by ``as_of``, cuts the rows by time, fits the
encodings and the drift baseline on the train part only, and writes the three parts beside
``feature_spec.json``, ``statistics.json`` and ``baseline.json``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from glue_jobs import session, windows
from glue_jobs.arguments import parse
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
    labels = _labels(spark, contract, arguments["input_labels"])
    window = windows.window(arguments, _newest(labels, contract))
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
    statistics = _statistics(contract, window, hours, cuts, baseline)
    for name, document in (
        (names.FEATURE_SPEC_FILE, spec),
        (names.STATISTICS_FILE, statistics),
        (names.BASELINE_FILE, _baseline_document(contract, window, statistics, baseline)),
        # Training ships the contract inside the model.
        (names.CONTRACT_FILE, contract),
    ):
        session.write_json(spark, arguments["output_run"] + name, document)
    spark.stop()


def _labels(spark: SparkSession, contract: Contract, path: str) -> DataFrame:
    """Id, time and 0/1 label of every label."""
    record, rule = contract["label"], contract["label_rule"]
    table = spark.read.schema(session.schema(record)).parquet(path)
    late = (fn.col(rule["field"]) >= fn.lit(rule["at_least"])).cast("int").alias(LABEL)
    return table.select(
        record["id_field"], fn.col(record["time_field"]).alias("_labelled_at"), late
    )


def _newest(labels: DataFrame, contract: Contract) -> datetime:
    # Epoch microseconds: collected timestamps would come in the driver's own time zone.
    newest = labels.agg(fn.max(fn.unix_micros("_labelled_at"))).collect()[0][0]
    if newest is None:
        raise SystemExit(f"there is no {contract['label']['name']} record yet")
    return _moment(newest)


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
    table = spark.read.schema(session.schema(record).add(names.PARTITION_DATE, "string"))
    inside = (
        table.parquet(path)
        # Dates prune partitions; times decide.
        .where(fn.col(names.PARTITION_DATE).between(*_dates(window)))
        .where((time >= _lit(window.start)) & (time < _lit(window.end)))
    )
    known = labels.where(fn.col("_labelled_at") <= _lit(window.as_of)).drop("_labelled_at")
    wanted = [record["id_field"], record["time_field"], LABEL]
    wanted += [feature["name"] for feature in contract["features"]]
    return inside.join(known, record["id_field"], "left").select(*wanted)


def _dates(window: Window) -> tuple[str, str]:
    return f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}"


def _lit(value: datetime) -> Column:
    return fn.lit(windows.iso(value)).cast("timestamp")


def _by_hour(rows: DataFrame, contract: Contract) -> list[tuple[datetime, int, int, int]]:
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
    """Quantile bins of every number in the train part: edges first, then rows in each bin."""
    numbers = _named(contract, "number")
    if not numbers:
        return {}
    bins = int(contract["monitoring"]["bins"])
    shares = [index / bins for index in range(1, bins)]
    quantiles = [fn.percentile_approx(n, shares, QUANTILE_ACCURACY).alias(n) for n in numbers]
    found = train.agg(*quantiles).collect()[0]
    edges = {n: fit.inner_edges([float(value) for value in found[n] or []]) for n in numbers}
    placed = fn.array(
        *[fn.struct(fn.lit(n).alias("name"), _bin(n, edges[n]).alias("bin")) for n in numbers]
    )
    grouped = train.select(fn.explode(placed).alias("at")).groupBy("at.name", "at.bin").count()
    counts: dict[str, dict[int | None, int]] = {n: {} for n in numbers}
    for name, index, rows in grouped.collect():
        counts[name][index] = rows
    return {
        n: fit.numeric_baseline(
            edges[n], {k: v for k, v in counts[n].items() if k is not None}, counts[n].get(None, 0)
        )
        for n in numbers
    }


def _bin(name: str, edges: Sequence[float]) -> Column:
    """How many edges lie below the value; null for null."""
    value = fn.col(name).cast("double")
    below = sum(((value > fn.lit(edge)).cast("int") for edge in edges), fn.lit(0))
    return fn.when(value.isNotNull(), below)


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


def _statistics(
    contract: Contract,
    window: Window,
    hours: Sequence[tuple[datetime, int, int, int]],
    cuts: tuple[datetime, datetime],
    baseline: dict[str, Any],
) -> dict[str, Any]:
    """What the quality gate reads: rows and positives by part, nulls by feature, windows."""
    starts = (window.start, *cuts, window.end)
    rows: dict[str, int] = {
        "events": sum(events for _, events, _, _ in hours),
        "labelled": sum(known for _, _, known, _ in hours),
    }
    rows["unlabelled"] = rows["events"] - rows["labelled"]
    positives, spans = {}, {}
    for index, part in enumerate(PARTS):
        first, last = starts[index], starts[index + 1]
        mine = [hour for hour in hours if _hour_in(hour[0], cuts) == index]
        rows[part] = sum(known for _, _, known, _ in mine)
        positives[part] = sum(late for _, _, _, late in mine)
        spans[part] = {"start": windows.iso(first), "end": windows.iso(last)}
    return {
        "version": 1,
        "contract_version": contract["version"],
        "window": window.document(),
        "rows": rows,
        "positives": positives,
        "nulls": {n: baseline[n]["nulls"] / max(rows["train"], 1) for n in sorted(baseline)},
        "parts": spans,
    }


def _hour_in(hour: datetime, cuts: tuple[datetime, datetime]) -> int:
    return sum(hour >= cut for cut in cuts)


def _baseline_document(
    contract: Contract, window: Window, statistics: dict[str, Any], features: dict[str, Any]
) -> dict[str, Any]:
    return {
        "version": 1,
        "contract_version": contract["version"],
        "window": {**window.document(), **statistics["parts"]["train"]},
        "rows": statistics["rows"]["train"],
        "features": {
            feature["name"]: features[feature["name"]] for feature in contract["features"]
        },
    }


if __name__ == "__main__":
    main(sys.argv[1:])
