"""The features job against Spark that only reads and writes the same data, as whole processes.

Both start a JVM, read three months of sampled flights and write Parquet; the floor stops there,
the job joins labels, cuts by time, fits encodings and bins, and writes three parts and four
documents. Run with ``python -m tests.bench.bench_spark [rounds]``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core import names
from glue_jobs import tables
from local import flights
from tests.bench.report import Row, table
from tests.support import spark_jobs

RATE = 0.2
ROUNDS = 3
AS_OF = "2013-04-01T00:00:00Z"
FLOOR = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()
spark.table(sys.argv[1]).coalesce(1).write.mode("overwrite").parquet(sys.argv[2])
spark.stop()
"""


def commands(lake: spark_jobs.Lake) -> dict[str, list[str]]:
    """Command lines of floor and job."""
    root, database = lake
    arguments = {
        "input_contract": f"{root}/contract.json",
        "database": database,
        "output_run": f"{root}/run/",
        "window_days": "90",
        "validation_share": "0.15",
        "holdout_share": "0.15",
        "as_of": AS_OF,
    }
    given = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    return {
        "read and write": ["-c", FLOOR, tables.name(database, names.TABLE_EVENTS), f"{root}/copy/"],
        "features job": ["glue_jobs/features.py", *given],
    }


def run_once(command: list[str]) -> float:
    """Seconds of one process; RuntimeError if it failed."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(run.stderr[-2000:])
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    frame = flights.sample(flights.prepare(), RATE)
    frame = frame[frame["event_time"] < "2013-04-01"]
    with tempfile.TemporaryDirectory() as directory, spark_jobs.java():
        root = Path(directory)
        found = commands(spark_jobs.write_lake(root, frame))
        times: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(rounds):
            for name, command in found.items():
                times[name].append(run_once(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    row = Row("features job", medians["features job"], "read and write", medians["read and write"])
    print(f"{len(frame)} flights, whole processes, median of {rounds} rounds")
    print(table([row]))


if __name__ == "__main__":
    main()
