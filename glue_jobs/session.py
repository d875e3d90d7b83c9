"""The Spark session of a job, and files beside its tables.

Files go through Hadoop's file systems, so that one code path serves ``s3://`` on Glue and local
directories elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame, SparkSession, types

from core.names import PARTITION_DATE
from glue_jobs import contents

# Spark's types for the contract's Glue types.
SPARK_TYPES: dict[str, types.DataType] = {
    "string": types.StringType(),
    "bigint": types.LongType(),
    "double": types.DoubleType(),
    "boolean": types.BooleanType(),
    "timestamp": types.TimestampType(),
}


# Ends the name of an empty object by which some tools mark a folder.
FOLDER_MARKER = "_$folder$"
# Files of before the validator's bounds may hold any time: it is read as it was written, since
# Spark otherwise refuses a whole file for one time before 1900. INT96 is what Firehose writes, so
# streams, new partitions and old ones have one type, which Athena, Spark and pandas all read.
_PARQUET_TIMES = {
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "INT96",
}


def start(name: str) -> SparkSession:
    """A session in UTC whose shuffles are as wide as the cluster has cores.

    The default of 200 shuffle partitions costs seconds on tables of this size. Nobody has to stop
    the session: it ends with the script, and PySpark's ``stop`` waits a second for a poll of its
    accumulator server.
    """
    builder = (
        SparkSession.builder.appName(name)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.sources.partitionOverwriteMode", "dynamic")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .config("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
    )
    for setting, value in _PARQUET_TIMES.items():
        builder = builder.config(setting, value)
    spark = builder.getOrCreate()
    cores = spark.sparkContext.defaultParallelism
    spark.conf.set("spark.sql.shuffle.partitions", cores)
    # One task for each date folder would cost more than listing it.
    spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", cores * 4)
    return spark


def schema(record: dict[str, Any]) -> types.StructType:
    """Columns of an event or label of the compiled contract, in its order, all nullable."""
    return types.StructType(
        [
            types.StructField(field["name"], SPARK_TYPES[field["glue_type"]])
            for field in record["fields"]
        ]
    )


def read_dated(spark: SparkSession, record: dict[str, Any], path: str) -> DataFrame:
    """A table that is partitioned by date, with the date as its last column."""
    columns = schema(record).add(PARTITION_DATE, types.StringType())
    return spark.read.schema(columns).parquet(path)


def read_json(spark: SparkSession, path: str) -> Any:
    """Parse one JSON file."""
    system, hadoop_path = _locate(spark, path)
    stream = system.open(hadoop_path)
    try:
        content = spark._jvm.org.apache.commons.io.IOUtils.toByteArray(stream)
    finally:
        stream.close()
    return json.loads(bytes(content))


def write_json(spark: SparkSession, path: str, document: Any) -> None:
    """Write one JSON file, replacing what was there."""
    system, hadoop_path = _locate(spark, path)
    system.setWriteChecksum(False)
    stream = system.create(hadoop_path, True)
    try:
        text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
        stream.write(f"{text}\n".encode())
    finally:
        stream.close()


def has_files(spark: SparkSession, path: str, suffix: str = "") -> bool:
    """Whether anything but markers and hidden files lies below ``path``."""
    return next(_files(spark, path, suffix), None) is not None


def files(spark: SparkSession, path: str, suffix: str = "") -> list[str]:
    """What :func:`has_files` sees, in order."""
    return sorted(_files(spark, path, suffix))


def _files(spark: SparkSession, path: str, suffix: str) -> Iterator[str]:
    system, hadoop_path = _locate(spark, path)
    found = system.listFiles(hadoop_path, True) if system.exists(hadoop_path) else None
    while found is not None and found.hasNext():
        one = found.next().getPath()
        name = one.getName()
        hidden = contents.passed_over(name) or FOLDER_MARKER in name
        if name.endswith(suffix) and not hidden:
            yield one.toString()


def hidden(spark: SparkSession, path: str) -> dict[str, int]:
    """Bytes by location of every file below ``path`` that Spark passes over.

    Found level by level: to ask for each file from here takes milliseconds, and most are seen.
    """
    system, root = _locate(spark, path)
    place = system.makeQualified(root).toString()
    found: dict[str, int] = {}
    level = literal(place)
    while system.exists(root) and len(_matching(spark, system, f"{level}/*")):
        for one in _matching(spark, system, f"{level}/{contents.MAY_BE_HIDDEN}"):
            inside = system.listFiles(one.getPath(), True)
            while inside.hasNext():
                file = inside.next()
                found[file.getPath().toString()] = file.getLen()
        level += "/*"
    return {
        location: size
        for location, size in sorted(found.items())
        if contents.passed_over(location.removeprefix(f"{place}/"))
    }


def _matching(spark: SparkSession, system: Any, pattern: str) -> Any:
    return system.globStatus(spark.sparkContext._jvm.org.apache.hadoop.fs.Path(pattern)) or ()


def partitions(spark: SparkSession, path: str, column: str) -> list[str]:
    """Values of a partition column that have a folder directly below ``path``, in order."""
    system, hadoop_path = _locate(spark, path)
    if not system.exists(hadoop_path):
        return []
    found = [status.getPath().getName() for status in system.listStatus(hadoop_path)]
    return sorted(name.split("=", 1)[1] for name in found if name.startswith(f"{column}="))


def delete(spark: SparkSession, path: str) -> None:
    """Remove a folder and what is below it, if it exists."""
    system, hadoop_path = _locate(spark, path)
    if system.exists(hadoop_path):
        system.delete(hadoop_path, True)


def literal(path: str) -> str:
    """A path of which no character is a wildcard."""
    return re.sub(r"([][{}*?\\])", r"\\\1", path)


def _locate(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system for a location, and the location as its path."""
    context = spark.sparkContext
    hadoop_path = context._jvm.org.apache.hadoop.fs.Path(path)
    return hadoop_path.getFileSystem(context._jsc.hadoopConfiguration()), hadoop_path
