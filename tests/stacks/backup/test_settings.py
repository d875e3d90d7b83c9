"""Settings of the copies that are refused, and those that make templates without a finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.backup.rules import RULES
from tests.support.choices import resource_types, synthesise
from tests.support.copies import ConfigurationCopy
from tests.support.settings_rows import Row, assert_refused

pytestmark = pytest.mark.cdk

KEPT = {"backup.days": 35, "retention.allow_data_deletion": False}
ROWS = (Row("backup-outlives-stack", KEPT, {"retention.allow_data_deletion": True}),)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_bad_combination_is_refused_and_its_neighbour_is_not(
    row: Row, configuration: ConfigurationCopy
) -> None:
    assert_refused(row, configuration)


def test_every_rule_has_a_row() -> None:
    assert {rule.id for rule in RULES} == {row.rule for row in ROWS}


def test_days_are_told_what_is_allowed(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"backup.days": 0})
    (problem,) = configuration.problems()
    assert problem.allowed == "allowed: above 0 and at most 36500"


def test_copies_synthesise(configuration: ConfigurationCopy, tmp_path: Path) -> None:
    configuration.change_settings(KEPT)
    found = resource_types(synthesise(configuration, tmp_path / "assembly"))
    assert "AWS::Backup::BackupVault" in found
