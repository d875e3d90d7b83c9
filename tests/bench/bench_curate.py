"""The curate job by the size of history, against Spark that does the least for the same.

Whole processes: a first load, a run without news, and one with news of a hundredth of the rows.

Floors: a bare start of Spark; reading, keeping one row an id and writing Parquet by day; the same
with the days that news touch, and those alone. Tables lie in a folder, so no
floor and no job asks S3. Run with ``python -m tests.bench.bench_curate [thousands of rows …]``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from core import names
from tests.bench.report import Row, table
from tests.support import spark_jobs
from tests.support.spark_jobs import CONTRACT

SIZES = (300, 5000)
DAYS = 400
SHARE = 100
ROUNDS = 3
EVENT = CONTRACT["event"]
# Rows of real types over 400 days; ids in no order of time, as real ones are.
ROWS = """
import json, sys
from pyspark.sql import SparkSession, functions as fn
from glue_jobs import session
event, target, first, last, days, back = json.loads(sys.argv[1]), *sys.argv[2:7]
spark, own = session.start("rows"), {}
number = fn.col("id")
day = int(days) - 1 - fn.pmod(fn.hash(number), fn.lit(int(back)))
for field in event["fields"]:
    kind, name = field["glue_type"], field["name"]
    some = fn.pmod(fn.xxhash64(number, fn.lit(name)), fn.lit(1000))
    own[name] = {"string": fn.concat(fn.lit("v"), (some % 40).cast("string")), "bigint": some,
                 "double": some / 10.0, "boolean": some > 500}.get(kind, fn.lit(None).cast(kind))
own[event["id_field"]] = fn.concat(fn.lit("f"), fn.sha1(number.cast("string")))
own[event["time_field"]] = fn.timestamp_seconds(
    fn.lit(1700000000) + day * 86400 + fn.pmod(fn.xxhash64(number), fn.lit(86400)))
columns = [own[field["name"]].alias(field["name"]) for field in event["fields"]]
rows = spark.range(int(first), int(last)).select(*columns)
rows.repartition(8).write.mode("append").parquet(target)
"""
START = """
from glue_jobs import session
session.start("floor").range(1).count()
"""
DISTINCT = """
import sys
from pyspark.sql import functions as fn
from glue_jobs import session
source, target, key, moment = sys.argv[1:5]
spark = session.start("floor")
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
rows = spark.read.option("recursiveFileLookup", "true").parquet(source)
if len(sys.argv) > 5:
    held = spark.read.parquet(target)
    days = [r[0] for r in rows.select(fn.to_date(moment).cast("string")).distinct().collect()]
    rows = rows.unionByName(held.where(fn.col("day").isin(days)).drop("day"))
whole = fn.struct(*rows.columns)
order = fn.struct(moment, fn.xxhash64(*rows.columns))
best = rows.groupBy(key).agg(fn.max_by(whole, order).alias("best")).select("best.*")
best = best.withColumn("day", fn.to_date(moment).cast("string")).repartition("day")
best.write.mode("overwrite").partitionBy("day").parquet(target)
"""


class World:
    """A lake with some rows, and the floor's own copy."""

    def __init__(self, root: Path, rows: int) -> None:
        self.root, self.rows = root, rows
        (root / "contract.json").write_text(json.dumps(CONTRACT))
        for stream in names.STREAMS:
            (root / "stream" / stream).mkdir(parents=True)
        spark_jobs.give_birth_apart("bench")

    def deliver(self, first: int, last: int, back: int) -> Path:
        """Files of Firehose with these rows, on the last ``back`` days; today's."""
        today = datetime.now(UTC).date()
        target = self.root / f"stream/events/{names.ARRIVED}={today}"
        apart = self.root / f"news-{first}"
        given = [json.dumps(EVENT), str(apart), str(first), str(last), str(DAYS), str(back)]
        run(["-c", ROWS, *given])
        target.mkdir(exist_ok=True)
        for file in apart.glob("*.parquet"):
            os.link(file, target / f"{first}-{file.name}")
        return apart

    def curate(self) -> float:
        arguments = {
            "input_contract": f"{self.root}/contract.json",
            "input_streams": f"{self.root}/stream/",
            "input_errors": f"{self.root}/errors/",
            "input_landing": f"{self.root}/landing/",
            "database": "bench",
            "correction_days": "45",
            "pseudonym_key": "none: nothing comes as text",
        }
        given = [part for name, value in arguments.items() for part in (f"--{name}", value)]
        return run(["glue_jobs/curate.py", *given])

    def floor(self, source: Path, *more: str) -> float:
        fields = (EVENT["id_field"], EVENT["time_field"])
        return run(["-c", DISTINCT, str(source), f"{self.root}/floor", *fields, *more])


def run(command: list[str]) -> float:
    """Seconds of one process; RuntimeError if it failed."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:])
    return time.perf_counter() - start


def measured(thousands: int) -> list[Row]:
    """All rows for one size."""
    rows, size = [], f"{thousands / 1000:g} million"
    with tempfile.TemporaryDirectory() as directory, spark_jobs.java("4g"):
        world = World(Path(directory), thousands * 1000)
        first = world.deliver(0, world.rows, DAYS)
        loaded = world.curate()
        rows.append(Row(f"first load, {size}", loaded, "distinct", world.floor(first), 1.6))
        starts = min(run(["-c", START]) for _ in range(ROUNDS))
        idle = min(world.curate() for _ in range(ROUNDS))
        rows.append(Row(f"no news, {size}", idle, "Spark starts", starts, 1.3))
        some = world.rows // SHARE
        # A fifth of what comes is known already.
        news = world.deliver(world.rows - some // 5, world.rows + some * 4 // 5, 4)
        merged, floor = world.curate(), world.floor(news, "held")
        rows.append(Row(f"1 % news, {size}", merged, "touched days", floor, 1.6))
    return rows


def main() -> None:
    """Print each step's seconds and ratios, by size."""
    sizes = [int(one) for one in sys.argv[1:]] or SIZES
    print(table([row for size in sizes for row in measured(size)]))


if __name__ == "__main__":
    main()
