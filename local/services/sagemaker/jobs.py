"""What training, processing and transform jobs have in common.

A job is a record plus a thread: it waits for a free slot, assumes its role, runs its phases and
ends Completed, Failed with a reason, or Stopped. The three kinds differ in their phases and in
the names of their members, which ``Kind`` spells out.
"""

from __future__ import annotations

import logging
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from local.engines import logs, process, roles, storage
from local.engines.container import images, overlay
from local.engines.container.overlay import Overlay
from local.engines.errors import ServiceError, in_use, missing, validation
from local.engines.host import job_slots, scoped, state_dir
from local.engines.process import Control, JobDirectory, Outcome
from local.services.ec2.reach import Place
from local.services.sagemaker import events, store, wire

_log = logging.getLogger("millrace.sagemaker")


class JobFailedError(Exception):
    """The job cannot go on; the text becomes its FailureReason."""


class JobStoppedError(Exception):
    """Someone stopped the job, or its time ran out."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The words of one kind of job: ``Training`` gives TrainingJobName, TrainingJobArn, ..."""

    word: str
    arn_part: str
    table: str

    @property
    def name_member(self) -> str:
        return f"{self.word}JobName"

    @property
    def arn_member(self) -> str:
        return f"{self.word}JobArn"

    @property
    def status_member(self) -> str:
        return f"{self.word}JobStatus"


class Job(ABC):
    """One job; ``phases`` does the work and raises JobFailedError or JobStoppedError."""

    kind: ClassVar[Kind]

    def __init__(self, record: store.Record) -> None:
        self.record = record
        self.name: str = record[self.kind.name_member]
        self.control = Control()
        base = state_dir() / "sagemaker" / self.kind.arn_part / f"{self.name}-{time.time_ns()}"
        self.directory = JobDirectory(base / "ml")
        self.session: roles.RoleSession | None = None
        self.overlay: Overlay | None = None

    @abstractmethod
    def phases(self, session: roles.RoleSession) -> None:
        """Download, run, upload."""

    @property
    def role_arn(self) -> str:
        """The execution role of the job."""
        return str(self.record["RoleArn"])

    @property
    def place(self) -> Place:
        """Where the job's container, and what SageMaker does beside it, reach S3 from."""
        given = {**self.record, **self.record.get("NetworkConfig", {})}.get("VpcConfig", {})
        return Place(tuple(given.get("Subnets", ())), tuple(given.get("SecurityGroupIds", ())))

    def launch(self) -> None:
        """Start the job's thread, in the caller's account and Region."""
        self.directory.base.mkdir(parents=True)
        scoped(self._run, f"{self.kind.arn_part}-{self.name}")

    def advance(self, status: str, message: str) -> None:  # noqa: B027
        """Enter a secondary status; only training jobs report them, the others keep this."""

    def settle(self, status: str, reason: str | None = None) -> None:
        """End the job and tell EventBridge."""
        with store.lock:
            self.record[self.kind.status_member] = status
            self.record["LastModifiedTime"] = wire.now()
            if reason:
                self.record["FailureReason"] = reason[:1024]
        events.publish(
            f"SageMaker {self.kind.word} Job State Change",
            self.record,
            self.record[self.kind.arn_member],
        )

    def start_container(self, image: str | None) -> Overlay:
        """The container's environment; JobFailedError names the images that work here."""
        if not images.runs(image):
            raise JobFailedError(images.refusal(image))
        self.overlay = overlay.create(self.directory.overlay)
        return self.overlay

    def execute(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Run the job's code; raises JobStoppedError, or JobFailedError unless it exits 0."""
        outcome = process.run(command, self.directory, environment, self.control)
        if outcome.stopped or outcome.timed_out:
            raise JobStoppedError("MaxRuntimeExceeded" if outcome.timed_out else "Stopped")
        if outcome.exit_code != 0:
            raise JobFailedError(self._failure(outcome))

    def _failure(self, outcome: Outcome) -> str:
        written = self.directory.base / "output" / "failure"
        text = written.read_text(errors="replace").strip() if written.exists() else ""
        # The toolkit's own message often lacks the script's: the log's end has it.
        said = process.tail(self.directory.log, 500)
        whole = text if said and said in text else f"{text}\n{said}".strip()
        # SageMaker cuts at 1,024 characters; the cause of a traceback stands at its end.
        short = whole if len(whole) <= 950 else f"{whole[:440]} … {whole[-500:]}"
        return f"AlgorithmError: {short}, exit code: {outcome.exit_code}"

    def _run(self) -> None:
        with job_slots:
            try:
                if self.control.stop.is_set():
                    raise JobStoppedError("Stopped")
                self.session = roles.assume(self.role_arn, roles.SAGEMAKER, "SageMaker", self.place)
                self.phases(self.session)
                self.settle("Completed")
            except JobStoppedError as ending:
                self.advance(str(ending), f"The job ended: {ending}")
                self.settle("Stopped")
            except (JobFailedError, storage.TransferError) as error:
                self._fail(_reason(error))
            except ServiceError as error:
                self._fail(f"ClientError: {error.message}")
            except Exception as error:
                _log.exception("job %s", self.name)
                self._fail(f"InternalServerError: {error}")
            finally:
                self._keep_log()

    def _fail(self, reason: str) -> None:
        self.advance("Failed", reason)
        self.settle("Failed", reason)

    def _keep_log(self) -> None:
        """Send the log from the host's network, as SageMaker does: isolated containers log, too."""
        if self.session is not None:
            host = roles.assume(self.role_arn, roles.SAGEMAKER, "SageMaker")
            stream = f"{self.name}/algo-1-{int(time.time())}"
            group = f"/aws/sagemaker/{self.kind.word}Jobs"
            logs.ship(host, group, stream, self.directory.log)
        shutil.rmtree(self.directory.base, ignore_errors=True)
        if self.overlay is not None:
            self.overlay.remove()


def _reason(error: Exception) -> str:
    if isinstance(error, storage.TransferError):
        return f"ClientError: Data transfer failed: {error}"
    return str(error)


def check_new(kind: Kind, request: Mapping[str, Any]) -> None:
    """Refuse a taken name, and a role that the caller may not pass."""
    roles.check_pass_role(request["RoleArn"])
    if request[kind.name_member] in getattr(store.tables(), kind.table):
        raise in_use(f"{kind.word} job names must be unique within an account and Region.")


def add(job: Job) -> store.Record:
    """Keep the job's record, start it, and answer its ARN."""
    job.record["_job"] = job
    with store.lock:
        getattr(store.tables(), job.kind.table)[job.name] = job.record
        store.set_tags(job.record[job.kind.arn_member], job.record.pop("Tags", None))
    job.launch()
    return {job.kind.arn_member: job.record[job.kind.arn_member]}


def find(kind: Kind, name: str) -> store.Record:
    """The record of a job; AWS words the unknown name as ``Requested resource not found.``"""
    record: store.Record | None = getattr(store.tables(), kind.table).get(name)
    if record is None:
        raise (
            validation("Requested resource not found.")
            if kind.word == "Training"
            else missing(f"Could not find {kind.word.lower()} job {name!r}.")
        )
    return record


def stop(kind: Kind, request: Mapping[str, Any]) -> store.Record:
    """Ask a running job to end; one that has ended cannot be stopped."""
    record = find(kind, request[kind.name_member])
    if record[kind.status_member] not in ("InProgress", "Stopping"):
        raise validation(
            f"The request was rejected because the {kind.word.lower()} job is in status "
            f"{record[kind.status_member]}."
        )
    record[kind.status_member] = "Stopping"
    record["_job"].control.stop.set()
    return {}
