"""What training hands on."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_stepfunctions as sfn

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
