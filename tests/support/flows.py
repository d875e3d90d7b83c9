"""Definitions of the state machines with plain values, for tests that need no synth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.names import Scope
from stacks.kit import asl
from stacks.kit.sagemaker_jobs import Compute, Network, ProcessingCode
from stacks.monitoring import states as monitor
from stacks.training.states import retraining
from stacks.training.states.flow import Flow, Functions
from stacks.training.states.rollout import Experiment

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"
COMPUTE = Compute(
    job_prefix="flights-test",
    image_uri="141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    instance_type="ml.m5.large",
    role_arn="arn:aws:iam::123456789012:role/millrace/flights/test/jobs",
    network=Network(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]),
    output_key_arn="arn:aws:kms:eu-west-1:123456789012:key/models",
    volume_key_arn="arn:aws:kms:eu-west-1:123456789012:key/models",
    max_runtime_seconds=3600,
    environment={"AWS_DEFAULT_REGION": "eu-west-1"},
)
CODE = ProcessingCode(
    run_uri="s3://assets/0123.py",
    run_name="0123.py",
    source_uri="s3://assets/89ab.tar.gz",
    contract_uri="s3://assets/4567.json",
)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ops"
RETRAINING = Flow(
    functions=Functions(
        lease=f"{ARN}lease", gate=f"{ARN}gate", registry=f"{ARN}registry", rollout=f"{ARN}rollout"
    ),
    scope=Scope("flights", "test", "late"),
    curate_job="curate",
    features_job="features",
    features_bucket="features-bucket",
    artifacts_bucket="artifacts-bucket",
    training=COMPUTE,
    evaluation=COMPUTE,
    code=CODE,
    hyperparameters={"trees": "10"},
    spot=True,
    topic_arn=TOPIC,
    manual_approval=False,
    approval_seconds=3600,
    experiment=Experiment(weight=0.1, minutes=60, weight_after=0.0, alarm_names=["guard"]),
    timeout_seconds=7200,
    holding_seconds=7200,
)
MONITOR = monitor.Flow(
    registry_arn=f"{ARN}registry",
    job=COMPUTE,
    code=CODE,
    endpoint_name="flights-test-late",
    outcomes_job="outcomes",
    outcomes="outcomes/late/",
    reports="reports/late/",
    monitoring_bucket="monitoring-bucket",
    window_days=30,
    topic_arn=TOPIC,
    timeout_seconds=7200,
)
DEFINITIONS: dict[str, dict[str, Any]] = {
    "retraining": retraining.definition(RETRAINING),
    "manual approval": retraining.definition(replace(RETRAINING, manual_approval=True)),
    "no experiment": retraining.definition(replace(RETRAINING, experiment=None)),
    "no waiting": retraining.definition(
        replace(RETRAINING, experiment=Experiment(0.1, 0, 0.1, ["guard"]))
    ),
    "monitor": monitor.definition(MONITOR),
}


def transitions(state: dict[str, Any]) -> list[str]:
    """Every state that may follow."""
    nexts = [state.get("Next"), state.get("Default")]
    nexts += [rule["Next"] for rule in state.get("Choices", [])]
    nexts += [catch["Next"] for catch in state.get("Catch", [])]
    return [name for name in nexts if name]


__all__ = ["DEFINITIONS", "MONITOR", "RETRAINING", "asl", "transitions"]
