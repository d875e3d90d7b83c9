"""What AWS refuses is refused: one planted resource a rule, and a neighbour that passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.emulator import refusals
from local.emulator.refusals import schema
from tests.support.variants import variants
from tests.support.yaml_files import parsed


def _grown(value: Any) -> Any:
    """The value with ``{times: 3, of: a{n}}`` in a list as three entries: cases of a size."""
    if isinstance(value, dict):
        return {name: _grown(entry) for name, entry in value.items()}
    if not isinstance(value, list):
        return value
    grown: list[Any] = []
    for entry in value:
        if isinstance(entry, dict) and set(entry) == {"times", "of"}:
            text = json.dumps(entry["of"])
            grown += [json.loads(text.replace("{n}", str(n))) for n in range(entry["times"])]
        else:
            grown.append(_grown(entry))
    return grown


CASES: dict[str, dict[str, Any]] = {
    row: _grown(case)
    for path in sorted((Path(__file__).parent / "planted").glob("*.yaml"))
    for row, case in parsed(path.read_text()).items()
}


def _rows(case: dict[str, Any], which: str) -> dict[str, str]:
    return dict(refusals.reasons(case["type"], case[which]))


@pytest.mark.parametrize("row", sorted(CASES))
def test_what_aws_refuses_is_refused(row: str) -> None:
    for number, case in enumerate(variants(CASES[row])):
        found = _rows(case, "refused")
        # The first case shows why there is a rule: no schema says it.
        assert list(found) == [row] or (number and set(found) == {schema.ROW, row}), found
        assert case["says"] in found[row]
        with pytest.raises(ValueError, match=case["type"]):
            refusals.check(case["type"], "Planted", case["refused"])


@pytest.mark.parametrize("row", sorted(CASES))
def test_its_neighbour_passes(row: str) -> None:
    for case in variants(CASES[row]):
        assert _rows(case, "allowed") == {}


@pytest.mark.parametrize(
    ("kind", "properties", "place"),
    [
        ("AWS::SQS::Queue", {"VisibilityTimeout": 43201}, "#/VisibilityTimeout"),
        ("AWS::SQS::Queue", {"NoSuchProperty": 1}, "NoSuchProperty"),
        ("AWS::KMS::Key", {"KeyPolicy": {}, "PendingWindowInDays": 3}, "#/PendingWindowInDays"),
        ("AWS::SageMaker::ModelPackageGroup", {}, "ModelPackageGroupName"),
        ("AWS::Logs::LogGroup", {"RetentionInDays": 31}, "#/RetentionInDays"),
    ],
)
def test_the_schema_refuses(kind: str, properties: dict[str, Any], place: str) -> None:
    found = refusals.reasons(kind, properties)
    assert any(row == schema.ROW and place in reason for row, reason in found)


def test_the_schema_takes_text_for_numbers_and_booleans() -> None:
    loose = {"VisibilityTimeout": "30", "FifoQueue": "true", "QueueName": "orders.fifo"}
    assert list(refusals.reasons("AWS::SQS::Queue", loose)) == []
