"""The Spark session of a job, and files beside its tables.

Files go through Hadoop's file systems, so that one code path serves ``s3://`` on Glue and local
directories elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pyspark.sql import SparkSession, types

# Spark's types for the contract's Glue types.
SPARK_TYPES: dict[str, types.DataType] = {
    "string": types.StringType(),
    "bigint": types.LongType(),
    "double": types.DoubleType(),
    "boolean": types.BooleanType(),
    "timestamp": types.TimestampType(),
}


# Files of before the validator's bounds may hold any time: it is read as it was written, since
# Spark otherwise refuses a whole file for one time before 1900.
_PARQUET_TIMES = {
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "INT96",
}


def start(name: str) -> SparkSession:
    """A session in UTC.

    Nobody has to stop it: it ends with the script, and PySpark's ``stop`` waits a second for a poll
    of its accumulator server.
    """
    builder = (
        SparkSession.builder.appName(name)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .config("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
    )
    for setting, value in _PARQUET_TIMES.items():
        builder = builder.config(setting, value)
    return builder.getOrCreate()


def schema(record: dict[str, Any]) -> types.StructType:
    """Columns of an event or label of the compiled contract, in its order, all nullable."""
    return types.StructType(
        [
            types.StructField(
                field["name"],
                SPARK_TYPES[field["glue_type"]],
                metadata={"comment": field.get("description", "")},
            )
            for field in record["fields"]
        ]
    )


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


def folders(spark: SparkSession, path: str) -> list[str]:
    """Names of the folders directly below ``path``, in order; none if it does not exist."""
    system, hadoop_path = _locate(spark, path)
    if not system.exists(hadoop_path):
        return []
    found = [one for one in system.listStatus(hadoop_path) if one.isDirectory()]
    return sorted(one.getPath().getName() for one in found)


def exists(spark: SparkSession, path: str) -> bool:
    """Whether there is a file or a folder of that name."""
    system, hadoop_path = _locate(spark, path)
    return bool(system.exists(hadoop_path))


def files(spark: SparkSession, path: str) -> list[tuple[str, int, int]]:
    """Location, bytes and time of the last change (milliseconds) of every file below ``path``.

    All of them, hidden and empty ones too, in order; none if the folder does not exist.
    """
    system, hadoop_path = _locate(spark, path)
    found = system.listFiles(hadoop_path, True) if system.exists(hadoop_path) else None
    listed = []
    while found is not None and found.hasNext():
        one = found.next()
        listed.append((one.getPath().toString(), one.getLen(), one.getModificationTime()))
    return sorted(listed)


def qualified(spark: SparkSession, path: str) -> str:
    """A folder's location as Hadoop spells those of what is in it, with a slash at the end."""
    system, hadoop_path = _locate(spark, path)
    return f"{system.makeQualified(hadoop_path).toString().rstrip('/')}/"


def literal(path: str) -> str:
    """A path of which no character is a wildcard."""
    return re.sub(r"([][{}*?\\])", r"\\\1", path)


def _locate(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system for a location, and the location as its path."""
    context = spark.sparkContext
    hadoop_path = context._jvm.org.apache.hadoop.fs.Path(path)
    return hadoop_path.getFileSystem(context._jsc.hadoopConfiguration()), hadoop_path
