"""Names of SageMaker resources that roles, handlers and alarms have to know before they exist."""

from __future__ import annotations

from collections.abc import Sequence

from core import names
from stacks.kit.base_stack import BaseStack


def endpoint_name(scope: names.Scope) -> str:
    """The endpoint's fixed name.

    The router invokes it, the rollout function sets its weights and the monitor reads its capture
    by this name, while the endpoint itself belongs to a later stack.
    """
    return scope.model_prefix


def endpoint_alarm_names(scope: names.Scope, variant: str) -> list[str]:
    """Alarms on one variant, whatever it serves.

    The experiment's check in the retraining flow names them, and that flow belongs to an earlier
    stack.
    """
    return [f"{scope.model_prefix}-{variant}-errors", f"{scope.model_prefix}-{variant}-latency"]


def guard_alarm_names(scope: names.Scope, variant: str) -> list[str]:
    """Alarms on one variant of the newest configuration: what guards an update of the endpoint."""
    return [f"{scope.model_prefix}-{variant}-guard-{kind}" for kind in ("errors", "latency")]


def alarm_arns(stack: BaseStack, alarm_names: Sequence[str]) -> list[str]:
    """ARNs of alarms, for roles that have to ask for their state."""
    return [stack.arn("cloudwatch", f"alarm:{name}") for name in alarm_names]


def sagemaker_arn(stack: BaseStack, kind: str, name: str) -> str:
    """ARN of a SageMaker resource of this account and Region."""
    return stack.arn("sagemaker", f"{kind}/{name}")
