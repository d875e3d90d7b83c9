"""Rules of the settings, each shown by the smallest change that is refused and its neighbour."""

from __future__ import annotations

from typing import Any, NamedTuple

from config.rules import RULES
from tests.support.copies import ConfigurationCopy


class Row(NamedTuple):
    """Changes to a settings file: ``good`` is accepted, ``good | bad`` is refused by ``rule``."""

    rule: str
    good: dict[str, Any]
    bad: dict[str, Any]
    also: frozenset[str] = frozenset()
    """Other rules that the same change cannot help breaking."""
    environment: str = "dev"
    """Of the file that is changed."""


def assert_refused(row: Row, configuration: ConfigurationCopy) -> None:
    """The neighbour is accepted, and the row's rule says what is wrong with the change."""
    rule = {rule.id: rule for rule in RULES}[row.rule]
    configuration.change_settings(row.good, row.environment)
    configuration.load(row.environment)

    configuration.change_settings(row.bad, row.environment)
    problems = {problem.rule: problem for problem in configuration.problems(row.environment)}

    assert set(problems) == {row.rule} | row.also
    problem = problems[row.rule]
    assert problem.file == f"config/{row.environment}.yaml"
    assert problem.field == rule.field
    assert "allowed" in problem.allowed
    assert "{settings" not in problem.allowed
    assert problem.evidence == rule.evidence
    changed = {**row.good, **row.bad}
    if rule.field in changed and not isinstance(changed[rule.field], (dict, list)):
        assert problem.value == changed[rule.field]
