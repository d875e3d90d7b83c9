"""What training hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_stepfunctions as sfn

from stacks.kit.platform_function import PlatformFunction
from stacks.kit.processing_code import PublishedCode
from stacks.training.model_registry import ModelRegistry
from stacks.training.training_functions import TrainingFunctions


@dataclass(frozen=True, slots=True)
class Training:
    """Outputs of the training stack."""

    registry: ModelRegistry
    functions: TrainingFunctions
    machine: sfn.StateMachine
    """The retraining flow."""
    code: PublishedCode
    image_uri: str
    endpoint_role_arn: str
    platform_functions: Mapping[str, PlatformFunction]
    """Those and that of the registry, by the name of their alarms."""
