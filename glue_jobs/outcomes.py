"""Glue job: what became of a window's events, in files that the monitor job's container can read.

It writes the labels from the window's start on, ``outcomes.json`` with how many events the window
has and when the newest label came, and in it the snapshots that say so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pyspark.sql import SparkSession
from pyspark.sql import functions as fn

from core import names
from glue_jobs import output, session, tables, times, windows
from glue_jobs.arguments import parse, refused, time
from glue_jobs.tables import Table

REQUIRED = ("input_contract", "database", "window_start", "window_end", "output_outcomes")


class Input(NamedTuple):
    """A table as of its present snapshot; None if nothing was ever written."""

    table: Table
    snapshot: int | None


def main(argv: Sequence[str]) -> None:
    """Run the job; SystemExit with a reason if the window is none."""
    arguments = parse(argv, REQUIRED)
    start, end = _window(arguments)
    now = datetime.now(UTC)
    spark = session.start("millrace-outcomes")
    contract: dict[str, Any] = session.read_json(spark, arguments["input_contract"])
    events = _as_of_now(spark, arguments, names.TABLE_EVENTS, contract["event"])
    labels = _as_of_now(spark, arguments, names.TABLE_LABELS, contract["label"])
    place = arguments["output_outcomes"]
    _write_labels(spark, labels, contract, start, place + names.OUTCOMES_LABELS)
    newest = _newest(spark, labels, now)
    document = {
        "events": _count(spark, events, start, end),
        "newest_label": newest and windows.iso(newest),
        "snapshots": {names.EVENTS: events.snapshot, names.LABELS: labels.snapshot},
    }
    session.write_json(spark, place + names.OUTCOMES_FILE, document)


def _window(arguments: Mapping[str, str]) -> tuple[datetime, datetime]:
    start, end = (time(arguments, name) for name in ("window_start", "window_end"))
    assert start and end
    if start >= end:
        raise refused(arguments, "window_start", f"a time before {windows.iso(end)}, its end")
    return start, end


def _as_of_now(
    spark: SparkSession, arguments: Mapping[str, str], name: str, record: dict[str, Any]
) -> Input:
    table = tables.of_record(arguments["database"], name, record)
    return Input(table, tables.snapshot(spark, table.name))


def _write_labels(
    spark: SparkSession, labels: Input, contract: Mapping[str, Any], start: datetime, place: str
) -> None:
    """Id, time and the label rule's field; a label is never older than its event."""
    if labels.snapshot is None:
        return
    order = [labels.table.time, contract["label"]["id_field"]]
    rows = tables.read(spark, labels.table, labels.snapshot)
    wanted = rows.where(fn.col(labels.table.time) >= times.literal(start))
    output.write(wanted.select(*order, contract["label_rule"]["field"]), order, place)


def _newest(spark: SparkSession, labels: Input, now: datetime) -> datetime | None:
    if labels.snapshot is None:
        return None
    return times.newest(spark, labels.table, labels.snapshot, now)


def _count(spark: SparkSession, events: Input, start: datetime, end: datetime) -> int | None:
    """Events of the window; None while there are none at all."""
    if events.snapshot is None:
        return None
    moment = fn.col(events.table.time)
    rows = tables.read(spark, events.table, events.snapshot)
    inside = (moment >= times.literal(start)) & (moment < times.literal(end))
    return int(rows.where(inside).count())


if __name__ == "__main__":
    main(sys.argv[1:])
