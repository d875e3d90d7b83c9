"""Runs of table optimizers: Iceberg's own actions in Spark, as the optimizer's role.

https://docs.aws.amazon.com/glue/latest/dg/optimization-prerequisites.html
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from local.engines import host, logs, process, roles
from local.engines.process import JobDirectory
from local.engines.spark import jars, optimize
from local.services.glue import engine

LOG_GROUPS = {
    "compaction": "/aws-glue/iceberg-compaction/logs",
    "retention": "/aws-glue/iceberg-retention/logs",
    "orphan_file_deletion": "/aws-glue/iceberg-orphan-file-deletion/logs",
}
SECONDS = 900
_log = logging.getLogger("millrace.glue")
_CATALOG = "optimized"
_ICEBERG = "org.apache.iceberg"
_CONF = " --conf ".join(
    [
        f"spark.sql.catalog.{_CATALOG}={_ICEBERG}.spark.SparkCatalog",
        f"spark.sql.catalog.{_CATALOG}.catalog-impl={_ICEBERG}.aws.glue.GlueCatalog",
        f"spark.sql.catalog.{_CATALOG}.io-impl={_ICEBERG}.aws.s3.S3FileIO",
    ]
)
_METRICS = {
    "compaction": "compactionMetrics",
    "retention": "retentionMetrics",
    "orphan_file_deletion": "orphanFileDeletionMetrics",
}


def start(database: str, table: str, optimizer: dict[str, Any], now: float | None = None) -> None:
    """Begin a run, which ``runs`` of the optimizer tells of; the newest stands first.

    Args:
        database: of the table.
        table: its name.
        optimizer: as ``optimizers`` keeps it.
        now: seconds of the moment from which ages are counted, instead of the present.
    """
    configuration = optimizer["configuration"]
    if not configuration["enabled"]:
        raise ValueError(f"The {optimizer['type']} of {database}.{table} is not enabled")
    told = {"eventType": "starting", "startTimestamp": time.time()}
    optimizer["runs"].insert(0, told)
    name = f"{_CATALOG}.{database}.{table}"
    asked = {
        "prefix": jars.PREFIX,
        "table": name,
        "kind": optimizer["type"],
        "settings": _settings(configuration),
        "now": int((now or time.time()) * 1000),
    }
    host.scoped(lambda: _run(asked, configuration, told), f"optimize-{table}")


def _settings(configuration: dict[str, Any]) -> dict[str, Any]:
    given = [value for name, value in configuration.items() if name.endswith("Configuration")]
    found: dict[str, Any] = next(
        (one["icebergConfiguration"] for one in given if "icebergConfiguration" in one), {}
    )
    return found


def _run(asked: dict[str, Any], configuration: dict[str, Any], told: dict[str, Any]) -> None:
    base = host.state_dir() / "glue" / f"optimizer-{uuid.uuid4().hex[:8]}" / "run"
    base.mkdir(parents=True)
    try:
        with host.job_slots:
            told["eventType"] = "in_progress"
            done = _logged(asked, configuration, JobDirectory(base))
    except Exception as error:
        _log.exception("%s of %s", asked["kind"], asked["table"])
        done = {"error": str(error), "eventType": "failed"}
    finally:
        shutil.rmtree(base.parent, ignore_errors=True)
    told.update({"endTimestamp": time.time(), **done})


def _logged(
    asked: dict[str, Any], configuration: dict[str, Any], directory: JobDirectory
) -> dict[str, Any]:
    """What became of a run, after its log is there."""
    place = engine.place_of(_connections(configuration))
    session = roles.assume(configuration["roleArn"], engine.PRINCIPAL, "GlueTableOptimizer", place)
    done = _outcome(asked, session, directory)
    logs.ship(session, LOG_GROUPS[asked["kind"]], directory.base.parent.name, directory.log)
    return done


def _connections(configuration: dict[str, Any]) -> dict[str, Any]:
    name = (configuration.get("vpcConfiguration") or {}).get("glueConnectionName")
    return {"Connections": {"Connections": [name] if name else []}}


def _outcome(
    asked: dict[str, Any], session: roles.RoleSession, directory: JobDirectory
) -> dict[str, Any]:
    arguments = {"--conf": _CONF, "--datalake-formats": "iceberg"}
    run = engine.Run({}, {}, arguments, directory)
    run.control.seconds = SECONDS
    command = [sys.executable, str(Path(optimize.__file__)), json.dumps(asked)]
    done = process.run(command, directory, engine.environment(run, session, []), run.control)
    if done.timed_out or done.exit_code:
        return {
            "eventType": "failed",
            "error": engine.last_error(directory.log, done.exit_code),
        }
    lines = directory.log.read_text(errors="replace").splitlines()
    metrics = next(line for line in reversed(lines) if line.startswith(optimize.MARK))
    found = json.loads(metrics.removeprefix(optimize.MARK))
    return {"eventType": "completed", _METRICS[asked["kind"]]: {"IcebergMetrics": found}}
