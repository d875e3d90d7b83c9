"""Behaviours that the registry's schemas hold already: one value outside, its neighbour inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.emulator import refusals
from local.emulator.refusals import schema
from operations import fidelity
from tests.support.variants import variants
from tests.support.yaml_files import parsed

CASES: dict[str, dict[str, Any]] = parsed((Path(__file__).parent / "bounds.yaml").read_text())


@pytest.mark.parametrize("row", sorted(CASES))
def test_the_schema_refuses_by_row(row: str) -> None:
    for case in variants(CASES[row]):
        found = list(refusals.reasons(case["type"], case["refused"]))
        assert {rule for rule, _ in found} == {schema.ROW}
        assert all(f"#{case['at']}:" in reason for _, reason in found), found
        assert list(refusals.reasons(case["type"], case["allowed"])) == []


def test_each_case_has_a_row_that_names_this_test() -> None:
    named = {
        name
        for name, row in fidelity.rows(fidelity.read())
        if any(test.startswith("tests/fidelity/test_bounds.py::") for test in row.tests)
    }
    assert named == set(CASES)
