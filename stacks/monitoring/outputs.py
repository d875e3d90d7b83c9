"""What the monitoring of one model hands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_stepfunctions as sfn

from model_code.tasks.task import Metric


@dataclass(frozen=True, slots=True)
class Watched:
    """Outputs of a model's monitoring stack."""

    model: str
    alarms: Sequence[cloudwatch.Alarm]
    """Those of its serving stack among them."""
    unhealthy: cloudwatch.CompositeAlarm
    """Rings while one of them does."""
    endpoint_name: str
    """Empty while serving is off."""
    variants: Sequence[str]
    quality: Sequence[Metric]
    """The task's metrics."""
    machines: Mapping[str, sfn.IStateMachine]
    """Flows by name."""
