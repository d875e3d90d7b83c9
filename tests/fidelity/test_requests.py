"""Requests that SageMaker refuses are refused by the local service: one planted request a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.engines.errors import ServiceError
from local.services.sagemaker import limits, wire
from tests.support.variants import variants
from tests.support.yaml_files import parsed

REGION = "eu-west-1"
CASES: dict[str, dict[str, Any]] = parsed(
    (Path(__file__).parent / "requests" / "sagemaker.yaml").read_text()
)


def _send(case: dict[str, Any], which: str) -> None:
    """As the service does before it acts."""
    wire.check_input("sagemaker", case["operation"], case[which])
    limits.check(case["operation"], case[which], REGION)


@pytest.mark.parametrize("row", sorted(CASES))
def test_a_request_that_aws_refuses_is_refused(row: str) -> None:
    for case in variants(CASES[row]):
        with pytest.raises(ServiceError) as refusal:
            _send(case, "refused")
        assert case["says"] in refusal.value.message
        assert refusal.value.code == "ValidationException"


PLANTED: dict[str, dict[str, Any]] = parsed(
    (Path(__file__).parent / "planted" / "sagemaker.yaml").read_text()
)
OPERATIONS = {kind: operation for operation, kind in limits.TYPES.items()}


@pytest.mark.parametrize("row", sorted(PLANTED))
def test_a_call_is_held_to_the_rules_of_templates(row: str) -> None:
    for case in variants(PLANTED[row]):
        operation = OPERATIONS[case["type"]]
        with pytest.raises(ServiceError, match="ValidationException"):
            limits.check(operation, case["refused"], REGION)
        limits.check(operation, case["allowed"], REGION)


@pytest.mark.parametrize("row", sorted(CASES))
def test_its_neighbour_is_taken(row: str) -> None:
    for case in variants(CASES[row]):
        _send(case, "allowed")
