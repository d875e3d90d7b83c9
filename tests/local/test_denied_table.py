"""No settings file deploys a role that the denial matrix does not know of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.local.denied_matrix import PROD_ONLY, TABLE
from tests.local.denied_principals import CONSUMER, label
from tests.synth import ENVIRONMENTS

REVIEWED = Path(__file__).parent.parent / "snapshot" / "__snapshots__"


def _roles(environment: str) -> set[str]:
    return {
        label(path.stem, logical_id)
        for path in (REVIEWED / environment).glob("*.json")
        for logical_id, resource in json.loads(path.read_text())["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_of_the_reviewed_templates_is_in_the_table(environment: str) -> None:
    assert _roles(environment)
    assert not _roles(environment) - set(TABLE["allowed"])


def test_every_role_of_the_table_is_performed_in_one_deployment() -> None:
    assert _roles("prod") - _roles("demo") == PROD_ONLY
    assert set(TABLE["allowed"]) == _roles("prod") | {CONSUMER}
