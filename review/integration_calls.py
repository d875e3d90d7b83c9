"""What asks something of a role without being a resource: jobs that a state machine starts, and
roles that callers pass.

What stands neither here nor in ``config/resource_types.yaml`` is named by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.resource_types import Integrations

TASK_PREFIX = "states:::"
# Roles that callers pass: service → integration.
TRUST_ONLY = {"cloudformation.amazonaws.com": "CloudFormation service role"}

_VPC, _IMAGE = "SageMaker in a VPC", "SageMaker container image"
_VOLUMES, _OUTPUT = "SageMaker volumes under a customer key", "SageMaker output to S3"
_INPUT, _LOGS = "SageMaker input from S3", "SageMaker logs"
_CLUSTER = "ProcessingResources.ClusterConfig"

JOBS: Mapping[str, Integrations] = {
    "sagemaker:createTrainingJob": Integrations(
        inside=frozenset({"OutputDataConfig", "ResourceConfig"}),
        names={
            "AlgorithmSpecification": _IMAGE,
            "CheckpointConfig": "SageMaker checkpoints",
            "InputDataConfig": _INPUT,
            "OutputDataConfig.KmsKeyId": _OUTPUT,
            "OutputDataConfig.S3OutputPath": _OUTPUT,
            "ResourceConfig.VolumeKmsKeyId": _VOLUMES,
            "RoleArn": _LOGS,
            "VpcConfig": _VPC,
        },
        neutral=frozenset(
            {
                "EnableManagedSpotTraining",
                "Environment",
                "HyperParameters",
                "ResourceConfig.InstanceCount",
                "ResourceConfig.InstanceType",
                "ResourceConfig.VolumeSizeInGB",
                "StoppingCondition",
                "TrainingJobName",
            }
        ),
    ),
    "sagemaker:createProcessingJob": Integrations(
        inside=frozenset(
            {"NetworkConfig", "ProcessingOutputConfig", "ProcessingResources", _CLUSTER}
        ),
        names={
            "AppSpecification": _IMAGE,
            "NetworkConfig.VpcConfig": _VPC,
            "ProcessingInputs": _INPUT,
            "ProcessingOutputConfig.KmsKeyId": _OUTPUT,
            "ProcessingOutputConfig.Outputs": _OUTPUT,
            f"{_CLUSTER}.VolumeKmsKeyId": _VOLUMES,
            "RoleArn": _LOGS,
        },
        neutral=frozenset(
            {
                "Environment",
                "ProcessingJobName",
                f"{_CLUSTER}.InstanceCount",
                f"{_CLUSTER}.InstanceType",
                f"{_CLUSTER}.VolumeSizeInGB",
                "StoppingCondition",
            }
        ),
    ),
}
