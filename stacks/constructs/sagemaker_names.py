"""Names of SageMaker resources that roles, handlers and alarms have to know before they exist."""

from __future__ import annotations

from lambdas.shared import names


def prefix(scope: names.Scope) -> str:
    """Start of every SageMaker name of a deployment (jobs, models, configurations)."""
    return f"{scope.instance}-{scope.environment}"


def endpoint_name(scope: names.Scope) -> str:
    """The endpoint's fixed name.

    The router invokes it, the rollout function sets its weights and the monitor reads its capture
    by this name, while the endpoint itself belongs to a later stack.
    """
    return prefix(scope)


def endpoint_alarm_names(scope: names.Scope, variant: str) -> list[str]:
    """Alarms on one variant.

    The endpoint's deployment guardrails and the experiment's check in the retraining flow name
    them, and that flow belongs to an earlier stack.
    """
    return [f"{prefix(scope)}-{variant}-errors", f"{prefix(scope)}-{variant}-latency"]
