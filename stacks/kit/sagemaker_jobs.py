"""Requests of the SageMaker jobs that the state machines start.

Names of jobs: ``<instance>-<environment>-<model>-<digest of execution's name>-<redrive><attempt>``.
Executions that EventBridge starts have names of 73 characters with underscores, which SageMaker
refuses (63, letters, digits and hyphens), so the name is hashed; redrive and attempt keep a
repeated request unique, for a redrive counts attempts from zero again. An attempt has one digit, so
both together are unique without a hyphen, which would be one character too many.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import names

PROCESSING_INPUT = "/opt/ml/processing/input"
PROCESSING_OUTPUT = "/opt/ml/processing/output"
# The starter looks for the sources in the second one (model_code/jobs/run.py).
CODE_INPUT = "code"
SOURCE_INPUT = "source"
CHECKPOINTS = "/opt/ml/checkpoints"
VOLUME_GIGABYTES = 30

# Where the flow keeps the run's id.
RUN_ID = "$.request.run_id"

# A spot job may wait this many times its longest run time for capacity.
SPOT_PATIENCE = 2


@dataclass(frozen=True, slots=True)
class Network:
    """Subnets and security groups of a job."""

    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]

    def request(self) -> dict[str, Any]:
        """``VpcConfig`` as SageMaker takes it."""
        return {
            "Subnets": list(self.subnet_ids),
            "SecurityGroupIds": list(self.security_group_ids),
        }


@dataclass(frozen=True, slots=True)
class Compute:
    """What every job of a state machine has in common."""

    job_prefix: str
    image_uri: str
    instance_type: str
    role_arn: str
    network: Network
    output_key_arn: str
    volume_key_arn: str | None
    """None for instance types with local storage, whose volumes SageMaker encrypts itself."""
    max_runtime_seconds: int
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProcessingCode:
    """Where the code of a processing job lies in S3: a starter, the sources, the contract."""

    run_uri: str
    run_name: str
    """Last part of the starter's URI: the name of the downloaded file."""
    source_uri: str
    """``sourcedir.tar.gz``, which training jobs take, too."""
    contract_uri: str


def job_name(prefix: str) -> str:
    """Intrinsic that names a job after the execution, its redrive and the attempt."""
    return (
        f"States.Format('{prefix}-{{}}-{{}}{{}}', States.Hash($$.Execution.Name, 'MD5'), "
        "$$.Execution.RedriveCount, $$.State.RetryCount)"
    )


def training_job(
    compute: Compute,
    *,
    scope: names.Scope,
    features_bucket: str,
    artifacts_bucket: str,
    source_uri: str,
    hyperparameters: Mapping[str, str],
    spot: bool,
) -> dict[str, Any]:
    """``CreateTrainingJob``: script mode on one instance, with the run's folder as channels."""

    def run(folder: str) -> str:
        return below(features_bucket, f"{scope.below(names.FEATURES_RUNS)}{{}}/{folder}", RUN_ID)

    models = scope.below(names.ARTIFACTS_MODELS)
    request: dict[str, Any] = {
        "TrainingJobName.$": job_name(compute.job_prefix),
        "AlgorithmSpecification": {
            "TrainingImage": compute.image_uri,
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": source_uri,
            **hyperparameters,
        },
        "InputDataConfig": [
            _channel("train", run("train/")),
            _channel("validation", run("validation/")),
            _channel("run", run("")),
        ],
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{artifacts_bucket}/{models}",
            "KmsKeyId": compute.output_key_arn,
        },
        "ResourceConfig": _cluster(compute),
        "RoleArn": compute.role_arn,
        "VpcConfig": compute.network.request(),
        "StoppingCondition": {"MaxRuntimeInSeconds": compute.max_runtime_seconds},
        "Environment": {**compute.environment, **names.PIP_ENVIRONMENT},
        "EnableManagedSpotTraining": spot,
    }
    if spot:
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = (
            compute.max_runtime_seconds * SPOT_PATIENCE
        )
        request["CheckpointConfig"] = {
            **_uri(below(artifacts_bucket, f"{models}checkpoints/{{}}/", RUN_ID)),
            "LocalPath": CHECKPOINTS,
        }
    return request


def processing_job(
    compute: Compute,
    code: ProcessingCode,
    *,
    command: str,
    arguments: str | None = None,
    inputs: Mapping[str, str],
    output: tuple[str, str],
) -> dict[str, Any]:
    """``CreateProcessingJob``: ``run.py <command>`` with inputs and one output.

    ``inputs`` maps a name to its S3 location: a plain URI, a path (``$.…``) or an intrinsic.
    ``output`` is name and S3 location. ``arguments`` is a path or intrinsic that gives a list.
    """
    name, place = output
    application: dict[str, Any] = {
        "ImageUri": compute.image_uri,
        "ContainerEntrypoint": [
            "python3",
            f"{PROCESSING_INPUT}/{CODE_INPUT}/{code.run_name}",
            command,
        ],
    }
    if arguments:
        application["ContainerArguments.$"] = arguments
    sources = {
        **inputs,
        "contract": code.contract_uri,
        CODE_INPUT: code.run_uri,
        SOURCE_INPUT: code.source_uri,
    }
    return {
        "ProcessingJobName.$": job_name(compute.job_prefix),
        "AppSpecification": application,
        "ProcessingInputs": [_input(key, uri) for key, uri in sources.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": compute.output_key_arn,
            "Outputs": [_output(name, place)],
        },
        "ProcessingResources": {"ClusterConfig": _cluster(compute)},
        "NetworkConfig": {"VpcConfig": compute.network.request()},
        "RoleArn": compute.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": compute.max_runtime_seconds},
        "Environment": dict(compute.environment),
    }


def _cluster(compute: Compute) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "InstanceCount": 1,
        "InstanceType": compute.instance_type,
        "VolumeSizeInGB": VOLUME_GIGABYTES,
    }
    if compute.volume_key_arn:
        cluster["VolumeKmsKeyId"] = compute.volume_key_arn
    return cluster


def _channel(name: str, place: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                **_uri(place),
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def _input(name: str, place: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            **_uri(place),
            "LocalPath": f"{PROCESSING_INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str, place: str) -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {
            **_uri(place),
            "LocalPath": f"{PROCESSING_OUTPUT}/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def _uri(place: str) -> dict[str, str]:
    """``S3Uri`` from a plain URI, or ``S3Uri.$`` from a path or an intrinsic."""
    return {"S3Uri.$" if place.startswith(("$.", "States.")) else "S3Uri": place}


def below(bucket: str, template: str, *paths: str) -> str:
    """Intrinsic for a location in ``bucket``; each ``{}`` of ``template`` takes the next path."""
    return f"States.Format('s3://{bucket}/{template}', {', '.join(paths)})"
