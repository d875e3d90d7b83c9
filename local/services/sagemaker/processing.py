"""Processing jobs: inputs from S3, the job's own command, outputs to S3 at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from local.engines import process, storage
from local.engines.container.overlay import Overlay
from local.engines.errors import validation
from local.engines.roles import RoleSession
from local.engines.storage import S3Uri
from local.services.sagemaker import jobs, store, wire
from local.services.sagemaker.jobs import Job, JobFailedError, Kind

KIND = Kind("Processing", "processing-job", "processing_jobs")
_ANY_PYTHON = ("python", "python3", "python3.10", "python3.11", "python3.12")


class ProcessingJob(Job):
    """Runs ContainerEntrypoint and ContainerArguments in the job's directory."""

    kind: ClassVar[Kind] = KIND

    def phases(self, session: RoleSession) -> None:
        """Download the inputs, run the command, upload the outputs."""
        record = self.record
        condition = record.get("StoppingCondition", {})
        self.control.seconds = condition.get("MaxRuntimeInSeconds")
        container = self.start_container(record["AppSpecification"]["ImageUri"])
        client = session.client("s3")
        self._download(client)
        record["ProcessingStartTime"] = wire.now()
        try:
            self.execute(self._command(container.python), self._environment(session, container))
        finally:
            record["ProcessingEndTime"] = wire.now()
            self._read_exit_message()
        self._upload(client)

    def _download(self, client: Any) -> None:
        for item in self.record.get("ProcessingInputs", []):
            source = item.get("S3Input")
            if source is None:
                raise JobFailedError(
                    f"ClientError: input {item['InputName']}: only S3Input runs here."
                )
            place = self._place(source["LocalPath"])
            if not storage.download_prefix(client, S3Uri.parse(source["S3Uri"]), place):
                raise JobFailedError(
                    f"ClientError: Failed to download data. No S3 objects found under "
                    f"{source['S3Uri']} for input {item['InputName']}."
                )
        for item in self._outputs():
            self._place(item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        config = self.directory.base / "config"
        config.mkdir(exist_ok=True)
        document = {"ProcessingJobArn": self.record["ProcessingJobArn"]}
        (config / "processingjobconfig.json").write_text(json.dumps(document))

    def _command(self, interpreter: str) -> list[str]:
        application = self.record["AppSpecification"]
        entrypoint = [self.directory.rewrite(part) for part in application["ContainerEntrypoint"]]
        if PurePosixPath(entrypoint[0]).name in _ANY_PYTHON:
            entrypoint[0] = interpreter
        arguments = application.get("ContainerArguments", [])
        return entrypoint + [self.directory.rewrite(part) for part in arguments]

    def _environment(self, session: RoleSession, container: Overlay) -> dict[str, str]:
        given = {
            key: self.directory.rewrite(value)
            for key, value in self.record.get("Environment", {}).items()
        }
        return {
            **process.container_environment(self.directory, container),
            **process.THREADS,
            "PROCESSING_BASE_DIR": str(self.directory.base / "processing"),
            "PROCESSING_JOB_NAME": self.name,
            **given,
            **session.environment(),
        }

    def _upload(self, client: Any) -> None:
        kms_key = self.record.get("ProcessingOutputConfig", {}).get("KmsKeyId")
        for item in self._outputs():
            output = item["S3Output"]
            place = self._place(output["LocalPath"])
            storage.upload_tree(client, place, S3Uri.parse(output["S3Uri"]), kms_key)

    def _outputs(self) -> list[dict[str, Any]]:
        outputs = self.record.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [item for item in outputs if "S3Output" in item]

    def _place(self, container_path: str) -> Any:
        try:
            return self.directory.at(container_path.rstrip("/"))
        except ValueError as error:
            raise JobFailedError(f"ClientError: LocalPath {error}") from error

    def _read_exit_message(self) -> None:
        message = self.directory.base / "output" / "message"
        if message.exists():
            self.record["ExitMessage"] = message.read_text(errors="replace")[:1024]


def create(request: Mapping[str, Any]) -> store.Record:
    """CreateProcessingJob: answers at once, the job runs on its own thread."""
    jobs.check_new(KIND, request)
    if not request["AppSpecification"].get("ContainerEntrypoint"):
        raise validation(
            "The local platform runs no container, so AppSpecification needs a ContainerEntrypoint."
        )
    name = request["ProcessingJobName"]
    record: store.Record = {
        **request,
        "ProcessingJobArn": store.arn("processing-job", name),
        "ProcessingJobStatus": "InProgress",
        "CreationTime": wire.now(),
        "LastModifiedTime": wire.now(),
    }
    return jobs.add(ProcessingJob(record))
