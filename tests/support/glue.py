"""Glue jobs for tests of runs."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import unique

SPARK = """
import argparse
from pyspark.sql import SparkSession
import helper
parser = argparse.ArgumentParser()
for name in ("input_rows", "output_sums", "JOB_NAME"):
    parser.add_argument("--" + name)
known, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
assert spark.version == "3.5.4"
rows = spark.read.json(known.input_rows)
sums = rows.groupBy("day").sum("x").withColumnRenamed("sum(x)", "total")
sums.coalesce(1).write.mode("overwrite").json(known.output_sums)
print("job", known.JOB_NAME, "says", helper.WORD)
spark.stop()
"""

# Runs without starting a JVM, for what does not need Spark.
PLAIN = """
import argparse, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--fail", default="")
parser.add_argument("--sleep", type=float, default=0)
known, _ = parser.parse_known_args()
time.sleep(known.sleep)
if known.fail:
    raise ValueError(known.fail)
"""


class Glue:
    """Jobs in one bucket under one role."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.client = platform.client("glue")
        self.bucket = support.make_bucket(platform)
        self.role = support.make_role(
            platform, "glue.amazonaws.com", support.bucket_access(self.bucket)
        )
        library = io.BytesIO()
        with zipfile.ZipFile(library, "w") as archive:
            archive.writestr("helper.py", "WORD = 'hello'\n")
        support.put(platform, self.bucket, "lib.zip", library.getvalue())
        support.put(platform, self.bucket, "spark.py", SPARK)
        support.put(platform, self.bucket, "plain.py", PLAIN)

    def job(self, script: str = "plain.py", role: str | None = None, **more: Any) -> str:
        name = unique("job")
        self.client.create_job(
            Name=name,
            Role=role or self.role,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/{script}"},
            GlueVersion="5.0",
            **more,
        )
        return name

    def start(self, name: str, **arguments: str) -> str:
        given = {f"--{key}": value for key, value in arguments.items()}
        return str(self.client.start_job_run(JobName=name, Arguments=given)["JobRunId"])

    def settled(self, name: str, run: str) -> dict[str, Any]:
        return support.settled(
            lambda: self.client.get_job_run(JobName=name, RunId=run)["JobRun"], "JobRunState", 120
        )

    def run(self, name: str, **arguments: str) -> dict[str, Any]:
        return self.settled(name, self.start(name, **arguments))
