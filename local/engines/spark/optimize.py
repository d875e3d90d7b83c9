"""One of Glue's three table optimizers, as an action of Iceberg in Spark; a program of its own.

Its one argument is JSON: ``prefix`` of Iceberg's classes, ``table`` with its catalog, ``kind``,
``settings`` (``icebergConfiguration`` of the API) and ``now`` in milliseconds. The last line that
it prints holds the metrics of the run.
"""

from __future__ import annotations

import json
import sys
from functools import reduce
from typing import Any

DAY = 24 * 3600 * 1000
# What Glue takes for settings that are left out.
FILES, DELETES, SNAPSHOT_DAYS, SNAPSHOTS, ORPHAN_DAYS = 100, 1, 5, 1, 3
MARK = "optimized "

Settings = dict[str, Any]


def _compacted(actions: Any, table: Any, settings: Settings, _now: int) -> dict[str, int]:
    strategy = settings.get("strategy", "binpack")
    action = actions.rewriteDataFiles(table)
    if strategy == "sort":
        action = action.sort()
    elif strategy != "binpack":
        raise ValueError(f"strategy {strategy} does not run on the local platform")
    action = action.option("min-input-files", str(settings.get("minInputFiles", FILES)))
    threshold = settings.get("deleteFileThreshold", DELETES)
    done = action.option("delete-file-threshold", str(threshold)).execute()
    return {
        "NumberOfBytesCompacted": done.rewrittenBytesCount(),
        "NumberOfFilesCompacted": done.rewrittenDataFilesCount(),
    }


def _expired(actions: Any, table: Any, settings: Settings, now: int) -> dict[str, int]:
    if settings.get("cleanExpiredFiles") is False:
        raise ValueError("cleanExpiredFiles false does not run on the local platform")
    days = settings.get("snapshotRetentionPeriodInDays", SNAPSHOT_DAYS)
    kept = settings.get("numberOfSnapshotsToRetain", SNAPSHOTS)
    action = actions.expireSnapshots(table).expireOlderThan(now - days * DAY)
    done = action.retainLast(kept).execute()
    return {
        "NumberOfDataFilesDeleted": done.deletedDataFilesCount(),
        "NumberOfManifestFilesDeleted": done.deletedManifestsCount(),
        "NumberOfManifestListsDeleted": done.deletedManifestListsCount(),
    }


def _cleared(actions: Any, table: Any, settings: Settings, now: int) -> dict[str, int]:
    days = settings.get("orphanFileRetentionPeriodInDays", ORPHAN_DAYS)
    action = actions.deleteOrphanFiles(table).olderThan(now - days * DAY)
    if "location" in settings:
        action = action.location(settings["location"])
    done = action.execute()
    return {"NumberOfOrphanFilesDeleted": sum(1 for _ in done.orphanFileLocations())}


_KINDS = {"compaction": _compacted, "retention": _expired, "orphan_file_deletion": _cleared}


def main(argument: str) -> None:
    """Run one optimizer and print its metrics."""
    from pyspark.sql import SparkSession

    asked = json.loads(argument)
    spark = SparkSession.builder.getOrCreate()
    place = f"{asked['prefix']}org.apache.iceberg.spark"

    def java(name: str) -> Any:
        return reduce(getattr, f"{place}.{name}".split("."), spark._jvm)

    table = java("Spark3Util").loadIcebergTable(spark._jsparkSession, asked["table"])
    actions = java("actions.SparkActions").get(spark._jsparkSession)
    metrics = _KINDS[asked["kind"]](actions, table, asked["settings"], asked["now"])
    print(MARK + json.dumps(metrics))
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
