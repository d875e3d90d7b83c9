"""The environment models: what is read and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from lambdas.lease.environment import LeaseEnvironment
from lambdas.rollout.environment import RolloutEnvironment
from lambdas.router.environment import RouterEnvironment
from lambdas.shared.environment import EnvironmentVariableError, variable
from lambdas.transform.environment import TransformEnvironment

LEASE = {
    "MILLRACE_LEASE_TABLE": "lease",
    "MILLRACE_LEASE_MINUTES": "360",
    "MILLRACE_COOLDOWN_MINUTES": "0",
}


def test_values_are_typed() -> None:
    assert LeaseEnvironment.read(LEASE) == LeaseEnvironment("lease", 360, 0)


def test_every_problem_is_named_at_once() -> None:
    broken = {"MILLRACE_LEASE_TABLE": "", "MILLRACE_LEASE_MINUTES": "six"}
    with pytest.raises(EnvironmentVariableError) as caught:
        LeaseEnvironment.read(broken)
    assert str(caught.value) == (
        "function lease: MILLRACE_LEASE_TABLE is empty; "
        "MILLRACE_LEASE_MINUTES is 'six'; expected a whole number; "
        "MILLRACE_COOLDOWN_MINUTES is missing"
    )


def test_only_the_endpoint_may_be_empty() -> None:
    variables = {
        "MILLRACE_ENDPOINT_NAME": "",
        "MILLRACE_PSEUDONYM_KEY_ARN": "arn",
        "MILLRACE_BATCH_RECORDS": "100",
        "MILLRACE_VARIANTS": "champion",
    }
    assert RouterEnvironment.read(variables).endpoint_name == ""
    with pytest.raises(EnvironmentVariableError, match="MILLRACE_ENDPOINT_NAME is missing"):
        RouterEnvironment.read({**LEASE})


def test_a_stream_is_one_of_the_two() -> None:
    variables = {"MILLRACE_STREAM": "clicks", "MILLRACE_PSEUDONYM_KEY_ARN": "arn"}
    with pytest.raises(EnvironmentVariableError, match="allowed: events, labels"):
        TransformEnvironment.read(variables)


def test_weights_are_numbers() -> None:
    variables = {variable(one.name): "text" for one in dataclasses.fields(RolloutEnvironment)}
    variables |= {"MILLRACE_EXPERIMENT_WEIGHT": "0.1", "MILLRACE_CHALLENGER_WEIGHT": "0"}
    assert RolloutEnvironment.read(variables).experiment_weight == 0.1
