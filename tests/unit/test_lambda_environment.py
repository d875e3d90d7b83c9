"""The environment models: what is read, what is refused, and what stacks are compared with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdas.shared.environment import (
    MODELS,
    VARIABLES,
    EnvironmentVariableError,
    LeaseEnvironment,
    RolloutEnvironment,
    RouterEnvironment,
    TransformEnvironment,
    mismatches,
)

LEASE = {
    "MILLRACE_LEASE_TABLE": "lease",
    "MILLRACE_LEASE_MINUTES": "360",
    "MILLRACE_COOLDOWN_MINUTES": "0",
}


def test_every_function_has_a_model() -> None:
    folders = {path.parent.name for path in Path("lambdas").glob("*/handler.py")}
    assert folders == set(MODELS) == set(VARIABLES)


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


def test_a_template_is_told_what_it_lacks_and_what_it_has_too_many_of() -> None:
    template = {**LEASE, "POWERTOOLS_LOG_LEVEL": "INFO", "AWS_CA_BUNDLE": "x"}
    assert mismatches("lease", template) == []
    template["MILLRACE_LEFTOVER"] = "1"
    del template["MILLRACE_LEASE_TABLE"]
    assert mismatches("lease", template) == [
        "lease reads MILLRACE_LEASE_TABLE, which is not set",
        "lease never reads MILLRACE_LEFTOVER, which is set",
    ]


def test_weights_are_numbers() -> None:
    variables = dict.fromkeys(VARIABLES["rollout"], "text")
    variables |= {"MILLRACE_EXPERIMENT_WEIGHT": "0.1", "MILLRACE_CHALLENGER_WEIGHT": "0"}
    assert RolloutEnvironment.read(variables).experiment_weight == 0.1
