"""Training jobs in script mode, through the image's command ``train``.

The toolkit reads the same files as in the container (hyperparameters, channels, resource
configuration), fetches ``sagemaker_submit_directory`` with the role's credentials, installs it with
pip, runs the program and reports through ``output/failure``; this module does what the service does
around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from local.engines import process, storage
from local.engines.container.overlay import Overlay
from local.engines.roles import RoleSession
from local.engines.storage import S3Uri
from local.services.sagemaker import jobs, store, wire
from local.services.sagemaker.jobs import Job, JobFailedError, JobStoppedError, Kind

KIND = Kind("Training", "training-job", "training_jobs")
_HOST = "algo-1"
_CHECKPOINTS = "/opt/ml/checkpoints"


class TrainingJob(Job):
    """Starting → Downloading → Training → Uploading → Completed."""

    kind: ClassVar[Kind] = KIND

    def phases(self, session: RoleSession) -> None:
        """What the service does around the container."""
        record = self.record
        self.control.seconds = record["StoppingCondition"].get("MaxRuntimeInSeconds")
        container = self.start_container(record["AlgorithmSpecification"].get("TrainingImage"))
        client = session.client("s3")
        self.advance("Downloading", "Downloading input data")
        self._download(client)
        self._write_configuration()
        self.advance("Training", "Training image download completed. Training in progress.")
        record["TrainingStartTime"] = wire.now()
        try:
            command = str(container.root / "bin" / "train")
            self.execute([command], self._environment(session, container))
        except JobStoppedError:
            # SageMaker keeps what a stopped job has written.
            self._upload(client)
            raise
        finally:
            record["TrainingEndTime"] = wire.now()
            self._measure()
            self._save_checkpoints(client)
        self.advance("Uploading", "Uploading generated training model")
        self._upload(client)
        self.advance("Completed", "Training job completed")

    def advance(self, status: str, message: str) -> None:
        """Close the current transition and open the next one."""
        moment = wire.now()
        with store.lock:
            transitions = self.record["SecondaryStatusTransitions"]
            if transitions:
                transitions[-1]["EndTime"] = moment
            transitions.append(
                {"Status": status, "StartTime": moment, "StatusMessage": message[:1024]}
            )
            self.record["SecondaryStatus"] = status
            self.record["LastModifiedTime"] = moment

    def _download(self, client: Any) -> None:
        for channel in self.record.get("InputDataConfig", []):
            target = self.directory.base / "input" / "data" / channel["ChannelName"]
            source = channel["DataSource"].get("S3DataSource")
            if source is None or source["S3DataType"] != "S3Prefix":
                raise JobFailedError(
                    f"ClientError: channel {channel['ChannelName']}: the local platform reads "
                    f"S3 prefixes only."
                )
            if not storage.download_prefix(client, S3Uri.parse(source["S3Uri"]), target):
                raise JobFailedError(
                    f"ClientError: Data download failed: No S3 objects found under S3 URL "
                    f'"{source["S3Uri"]}" given in input data source. Please ensure that the '
                    f"bucket exists and that the role has access."
                )
        checkpoints = self.record.get("CheckpointConfig")
        if checkpoints:
            place = self.directory.at(checkpoints.get("LocalPath", _CHECKPOINTS))
            storage.download_prefix(client, _folder(checkpoints["S3Uri"]), place)

    def _write_configuration(self) -> None:
        config = self.directory.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        for name in ("model", "output/data", "code"):
            (self.directory.base / name).mkdir(parents=True, exist_ok=True)
        instance = self.record["ResourceConfig"].get("InstanceType", "local")
        documents = {
            "hyperparameters.json": {
                key: self.directory.rewrite(value)
                for key, value in self.record.get("HyperParameters", {}).items()
            },
            "inputdataconfig.json": _channels(self.record.get("InputDataConfig", [])),
            "resourceconfig.json": _resources(instance),
        }
        for name, document in documents.items():
            (config / name).write_text(json.dumps(document))

    def _environment(self, session: RoleSession, container: Overlay) -> dict[str, str]:
        given = {
            key: self.directory.rewrite(value)
            for key, value in self.record.get("Environment", {}).items()
        }
        return {
            **process.container_environment(self.directory, container),
            **process.THREADS,
            "TRAINING_JOB_NAME": self.name,
            "TRAINING_JOB_ARN": self.record["TrainingJobArn"],
            **given,
            **session.environment(),
        }

    def _upload(self, client: Any) -> None:
        record = self.record
        target = S3Uri.parse(record["OutputDataConfig"]["S3OutputPath"]).child(self.name)
        kms_key = record["OutputDataConfig"].get("KmsKeyId")
        for source, name in (("model", "model.tar.gz"), ("output/data", "output.tar.gz")):
            directory = self.directory.base / source
            if name == "output.tar.gz" and not any(storage.files_in(directory)):
                continue
            archive = self.directory.base.parent / name
            storage.pack(directory, archive)
            storage.upload_file(client, archive, target.child("output").child(name), kms_key)
            archive.unlink()

    def _save_checkpoints(self, client: Any) -> None:
        checkpoints = self.record.get("CheckpointConfig")
        if checkpoints is None:
            return
        place = self.directory.at(checkpoints.get("LocalPath", _CHECKPOINTS))
        if place.exists():
            storage.upload_tree(client, place, S3Uri.parse(checkpoints["S3Uri"]))

    def _measure(self) -> None:
        record = self.record
        seconds = int((record["TrainingEndTime"] - record["TrainingStartTime"]).total_seconds())
        record["TrainingTimeInSeconds"] = record["BillableTimeInSeconds"] = max(seconds, 1)
        definitions = record["AlgorithmSpecification"].get("MetricDefinitions", [])
        record["FinalMetricDataList"] = final_metrics(self.directory.log, definitions)


def final_metrics(log: Path, definitions: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The last value that each metric's expression (its first group) finds in the log."""
    text = log.read_text(errors="replace") if log.exists() else ""
    found = []
    for definition in definitions:
        values = [match.group(1) for match in re.finditer(definition["Regex"], text)]
        if values:
            value = {"MetricName": definition["Name"], "Value": float(values[-1])}
            found.append({**value, "Timestamp": wire.now()})
    return found


def create(request: Mapping[str, Any]) -> store.Record:
    """CreateTrainingJob: answers at once, the job runs on its own thread."""
    jobs.check_new(KIND, request)
    name = request["TrainingJobName"]
    output = S3Uri.parse(request["OutputDataConfig"]["S3OutputPath"])
    moment = wire.now()
    record: store.Record = {
        **request,
        "TrainingJobArn": store.arn("training-job", name),
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [
            {"Status": "Starting", "StartTime": moment, "StatusMessage": "Starting the job"}
        ],
        "CreationTime": moment,
        "LastModifiedTime": moment,
        "ModelArtifacts": {"S3ModelArtifacts": f"{output.child(name)}/output/model.tar.gz"},
    }
    return jobs.add(TrainingJob(record))


def _folder(uri: str) -> S3Uri:
    return S3Uri.parse(uri if uri.endswith("/") else uri + "/")


def _channels(channels: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", "File"),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            "ContentType": channel.get("ContentType", ""),
        }
        for channel in channels
    }


def _resources(instance_type: str) -> dict[str, Any]:
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type}
    return {
        "current_host": _HOST,
        "hosts": [_HOST],
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "current_instance_group": "homogeneousCluster",
        "instance_groups": [{**group, "hosts": [_HOST]}],
        "network_interface_name": "lo",
    }
