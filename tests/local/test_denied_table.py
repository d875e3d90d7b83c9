"""No settings file deploys a role that the denial matrix does not know of.

The matrix is performed on the demo's deployment; roles that only other settings have stand under
``unproven`` with the reason, so that they are not forgotten silently.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.local.denied_principals import label
from tests.synth import ENVIRONMENTS

TABLE = yaml.safe_load((Path(__file__).parent / "denied_table.yaml").read_text())
REVIEWED = Path(__file__).parent.parent / "snapshot" / "__snapshots__"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_of_the_reviewed_templates_is_in_the_table(environment: str) -> None:
    found = {
        label(path.stem, logical_id)
        for path in (REVIEWED / environment).glob("*.json")
        for logical_id, resource in json.loads(path.read_text())["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert found
    assert not found - set(TABLE["allowed"]) - set(TABLE["unproven"])


def test_a_role_is_proven_or_unproven() -> None:
    assert not set(TABLE["allowed"]) & set(TABLE["unproven"])
