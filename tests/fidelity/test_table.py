"""docs/fidelity.yaml: every row has a source, a test that exists and a check that exists."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from config.load import REPOSITORY
from local.emulator import refusals
from operations import fidelity
from operations.checks import CHECKS
from tests.support.yaml_files import parsed

PLANTED = REPOSITORY / "tests" / "fidelity" / "planted"
TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)(\[(?P<case>[\w.-]+)\])?")


@cache
def _defined(file: str) -> frozenset[str]:
    path = REPOSITORY / file
    if not path.is_file():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef))


# Tests that run once for each case of a file of their own.
OTHERS = {
    "test_the_schema_refuses_it": "by_schema/schemas.yaml",
    "test_a_request_that_aws_refuses_is_refused": "requests/sagemaker.yaml",
}


@cache
def cases(file: str) -> frozenset[str]:
    return frozenset(parsed((PLANTED.parent / file).read_text()))


@cache
def planted() -> frozenset[str]:
    return frozenset(
        row for path in sorted(PLANTED.glob("*.yaml")) for row in parsed(path.read_text())
    )


def missing(test: str) -> bool:
    """Whether a test that a row names is not there; of parametrised ones, the planted case too."""
    match = TEST.fullmatch(test)
    if match is None or match["name"] not in _defined(match["file"]):
        return True
    if match["name"] == "test_what_aws_refuses_is_refused":
        return match["case"] not in planted()
    if match["name"] in OTHERS:
        return match["case"] not in cases(OTHERS[match["name"]])
    return False


def test_every_row_is_well_formed_and_named_once() -> None:
    names = [name for name, _ in fidelity.rows(fidelity.read())]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_the_tests_that_rows_name_exist() -> None:
    gone = {
        name: [test for test in row.tests if missing(test)]
        for name, row in fidelity.rows(fidelity.read())
    }
    assert {name: tests for name, tests in gone.items() if tests} == {}


@pytest.mark.parametrize(
    "gone",
    [
        "tests/fidelity/test_table.py::test_that_was_renamed",
        "tests/fidelity/test_that_is_gone.py::test_a",
        "tests/fidelity/test_refusals.py::test_what_aws_refuses_is_refused[nobody-planted-this]",
        "a test",
    ],
)
def test_a_test_that_is_gone_is_noticed(gone: str) -> None:
    assert missing(gone)


def test_each_other_case_has_a_row() -> None:
    names = {name for name, _ in fidelity.rows(fidelity.read())}
    assert {case for file in OTHERS.values() for case in cases(file)} <= names


def test_checks_that_rows_name_exist() -> None:
    known = {check.__name__ for check in CHECKS} | {fidelity.BY_DEPLOY}
    unknown = {
        name: row.verify
        for name, row in fidelity.rows(fidelity.read())
        if row.verify not in known and not row.verify.startswith(fidelity.BY_HAND)
    }
    assert unknown == {}


def test_each_rule_of_the_emulator_has_a_row_and_a_planted_case() -> None:
    rules = {row for found in refusals.rules().values() for row, _ in found}
    assert rules == planted()
    assert rules <= {name for name, _ in fidelity.rows(fidelity.read())}


def test_the_first_deploy_page_shows_every_section() -> None:
    table, text = fidelity.read(), fidelity.PAGE.read_text()
    assert fidelity.sections_of(text) == list(table)
    assert fidelity.page(text, table) == text, "run `python -m operations.fidelity`"
