"""No settings file deploys a role that the denial matrix does not know of."""

from __future__ import annotations

import pytest

from tests.support.denied_matrix import PROD_ONLY, TABLE
from tests.support.denied_principals import CONSUMER, label
from tests.synth import ENVIRONMENTS, resources


def _roles(environment: str) -> set[str]:
    return {
        label(stack, logical_id)
        for stack, logical_id, _ in resources(environment, "AWS::IAM::Role")
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_of_the_templates_is_in_the_table(environment: str) -> None:
    assert _roles(environment)
    assert not _roles(environment) - set(TABLE["allowed"])


def test_every_role_of_the_table_is_performed_in_one_deployment() -> None:
    assert _roles("prod") - _roles("demo") == PROD_ONLY
    assert set(TABLE["allowed"]) == _roles("prod") | {CONSUMER}
