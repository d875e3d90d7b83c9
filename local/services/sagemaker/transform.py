"""Batch transform: every object of a prefix through a model's server, answers back to S3."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from local.engines import storage
from local.engines.container import images
from local.engines.errors import in_use
from local.engines.roles import RoleSession
from local.engines.storage import S3Uri
from local.services.sagemaker import jobs, models, store, wire
from local.services.sagemaker.jobs import Job, JobFailedError, JobStoppedError, Kind
from local.services.sagemaker.server import ModelServer, ServerError

KIND = Kind("Transform", "transform-job", "transform_jobs")


class TransformJob(Job):
    """Starts the model's server, posts each input to it, stores ``<name>.out``."""

    kind: ClassVar[Kind] = KIND

    @property
    def role_arn(self) -> str:
        """Transform jobs act with the role of their model."""
        return str(models.find_model(self.record["ModelName"])["ExecutionRoleArn"])

    def phases(self, session: RoleSession) -> None:
        """Download, serve, transform, upload."""
        record = self.record
        container = models.container(models.find_model(record["ModelName"]))
        if not images.runs(container.image):
            raise JobFailedError(images.refusal(container.image))
        client = session.client("s3")
        source = S3Uri.parse(record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
        inputs, outputs = self.directory.base / "in", self.directory.base / "out"
        if not storage.download_prefix(client, source, inputs):
            raise JobFailedError(f"ClientError: No S3 objects found under {source}.")
        record["TransformStartTime"] = wire.now()
        server = ModelServer(container, session, self.directory, record.get("Environment", {}))
        try:
            server.start(client)
            for path in storage.files_in(inputs):
                name = path.relative_to(inputs).as_posix() + ".out"
                self._transform(server, path, outputs / name)
        except ServerError as error:
            raise JobFailedError(f"AlgorithmError: {error}") from error
        finally:
            server.stop()
            record["TransformEndTime"] = wire.now()
            shutil.rmtree(inputs)
        output = record["TransformOutput"]
        target = S3Uri.parse(output["S3OutputPath"])
        storage.upload_tree(client, outputs, target, output.get("KmsKeyId"))

    def _transform(self, server: ModelServer, source: Path, target: Path) -> None:
        record = self.record
        content_type = record["TransformInput"].get("ContentType", "application/octet-stream")
        headers = {"Content-Type": content_type}
        accept = record["TransformOutput"].get("Accept")
        if accept:
            headers["Accept"] = accept
        target.parent.mkdir(parents=True, exist_ok=True)
        newline = b"\n" if record["TransformOutput"].get("AssembleWith") == "Line" else b""
        with target.open("wb") as sink:
            for payload in self._payloads(source):
                if self.control.stop.is_set():
                    raise JobStoppedError("Stopped")
                answer = server.invoke(payload, headers)
                if answer.status != 200:
                    text = answer.body[:300].decode(errors="replace")
                    raise JobFailedError(f"AlgorithmError: {source.name}: {answer.status} {text}")
                sink.write(answer.body + newline)

    def _payloads(self, source: Path) -> Iterator[bytes]:
        """The whole object, its lines, or as many lines as MaxPayloadInMB holds."""
        if self.record["TransformInput"].get("SplitType", "None") != "Line":
            yield source.read_bytes()
            return
        single = self.record.get("BatchStrategy") == "SingleRecord"
        most = 1 if single else self.record.get("MaxPayloadInMB", 6) << 20
        batch = b""
        for line in source.read_bytes().splitlines(keepends=True):
            if batch and len(batch) + len(line) > most:
                yield batch
                batch = b""
            batch += line
        if batch:
            yield batch


def create(request: Mapping[str, Any]) -> store.Record:
    """CreateTransformJob: answers at once, the job runs on its own thread."""
    name = request["TransformJobName"]
    if name in store.tables().transform_jobs:
        raise in_use("Transform job names must be unique within an account and Region.")
    models.find_model(request["ModelName"])
    record: store.Record = {
        **request,
        "TransformJobArn": store.arn("transform-job", name),
        "TransformJobStatus": "InProgress",
        "CreationTime": wire.now(),
        "LastModifiedTime": wire.now(),
    }
    return jobs.add(TransformJob(record))
