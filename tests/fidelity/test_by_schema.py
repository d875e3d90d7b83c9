"""What the registry's schemas alone refuse, by row: so that nobody writes a rule for it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.emulator import refusals
from local.emulator.refusals import schema
from tests.support.variants import variants
from tests.support.yaml_files import parsed

CASES: dict[str, dict[str, Any]] = parsed(
    (Path(__file__).parent / "by_schema" / "schemas.yaml").read_text()
)


@pytest.mark.parametrize("row", sorted(CASES))
def test_the_schema_refuses_it(row: str) -> None:
    for case in variants(CASES[row]):
        found = list(refusals.reasons(case["type"], case["refused"]))
        assert {rule for rule, _ in found} == {schema.ROW}, found
        assert any(case["says"] in reason for _, reason in found), found


@pytest.mark.parametrize("row", sorted(CASES))
def test_its_neighbour_passes_the_schema(row: str) -> None:
    for case in variants(CASES[row]):
        assert list(refusals.reasons(case["type"], case["allowed"])) == []
