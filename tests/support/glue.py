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
assert spark.version == "3.5.6"
rows = spark.read.json(known.input_rows)
sums = rows.groupBy("day").sum("x").withColumnRenamed("sum(x)", "total")
sums.coalesce(1).write.mode("overwrite").json(known.output_sums)
print("job", known.JOB_NAME, "says", helper.WORD)
spark.stop()
"""

# Hadoop's file system as jobs use it beside tables; each act prints what it found.
FILES = """
import argparse, json
from pyspark.sql import SparkSession
parser = argparse.ArgumentParser()
parser.add_argument("--place")
place = parser.parse_known_args()[0].place
spark = SparkSession.builder.getOrCreate()
java, conf = spark._jvm, spark.sparkContext._jsc.hadoopConfiguration()
Path = java.org.apache.hadoop.fs.Path
system = Path(place).getFileSystem(conf)
def path(name):
    return Path(place + name)
def write(name, text, overwrite=True):
    stream = system.create(path(name), overwrite)
    stream.write(text.encode())
    stream.close()
def read(name):
    stream = system.open(path(name))
    found = bytes(java.org.apache.commons.io.IOUtils.toByteArray(stream)).decode()
    stream.close()
    return found
def listed(name):
    found = [status.getPath().toString() for status in system.listStatus(path(name))]
    return sorted(one[len(place):] for one in found)
def deep(name):
    found, files = [], system.listFiles(path(name), True)
    while files.hasNext():
        found.append(files.next().getPath().toString()[len(place):])
    return sorted(found)
def refused(act, *arguments):
    try:
        act(*arguments)
    except Exception as error:
        return error.java_exception.getClass().getSimpleName()
told = {}
write("a/x y=1/one", "1")
write("a/two", "2")
told["listed"] = listed("a")
told["deep"] = deep("a")
told["read"] = read("a/x y=1/one")
told["again"] = refused(write, "a/two", "3", False)
told["over a folder"] = refused(write, "a", "3")
told["below a file"] = refused(lambda: system.mkdirs(path("a/two/three")))
told["absent"] = [refused(read, "b/none"), refused(listed, "b"), system.exists(path("b"))]
told["part"] = refused(lambda: system.delete(path("a"), False))
system.rename(path("a/x y=1"), path("a/y"))
told["renamed"] = deep("a")
system.mkdirs(path("c/d"))
told["folder"] = [system.getFileStatus(path("c/d")).isDirectory(), listed("c"), deep("c")]
system.delete(path("a/y/one"), False)
told["emptied"] = [system.exists(path("a/y")), deep("a")]
system.delete(path("a"), True)
told["left"] = [system.exists(path("a")), system.delete(path("a"), True)]
stream = system.open(path("large"))
stream.seek(70000)
told["seek"] = [stream.read(), stream.getPos()]
stream.seek(3)
told["back"] = stream.read()
print("told", json.dumps(told))
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
        support.put(platform, self.bucket, "files.py", FILES)
        support.put(platform, self.bucket, "plain.py", PLAIN)

    def job(self, script: str = "plain.py", role: str | None = None, **more: Any) -> str:
        name = unique("job")
        self.client.create_job(
            Name=name,
            Role=role or self.role,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/{script}"},
            GlueVersion="5.1",
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

    def printed(self, run: dict[str, Any], mark: str) -> str:
        """The line that a run printed; its state is told before its last lines are, as on AWS."""
        logs = self.platform.client("logs")

        def found() -> str:
            try:
                events = logs.get_log_events(
                    logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"]
                )["events"]
            except logs.exceptions.ResourceNotFoundException:
                return ""
            lines = [line for event in events for line in event["message"].splitlines()]
            return next((line for line in lines if mark in line), "")

        return support.wait_for(found)

    def run(self, name: str, **arguments: str) -> dict[str, Any]:
        return self.settled(name, self.start(name, **arguments))
