"""Calling a type ``executed`` is a claim that a test has to prove.

The mark ``proves("AWS::X::Y", …)`` stands on a test in which another value of a property of that
type changes what an engine does, as seen through the services' own API. Read from the sources, so
that nothing has to be started to learn that a proof is missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from config.load import REPOSITORY
from local.emulator import classification
from local.platform_processes import cdk_executable

TESTS = REPOSITORY / "tests"
SNAPSHOTS = TESTS / "snapshot" / "__snapshots__"
DEPLOYED = re.compile(r"""["']?Type["']?: ["']?(AWS::\w+::\w+|Custom::\w+)""")
CUSTOM_RESOURCE = "AWS::CloudFormation::CustomResource"


def _is_mark(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == "proves"
    )


def _proofs_in(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in filter(_is_mark, node.decorator_list):
            assert isinstance(decorator, ast.Call)
            assert node.name.startswith("test_"), f"{path.name}: {node.name} is not a test"
            assert decorator.args, f"{path.name}: {node.name} proves nothing"
            for argument in decorator.args:
                yield str(ast.literal_eval(argument)), f"{path.name}::{node.name}"


@cache
def proofs() -> dict[str, list[str]]:
    """Type → the tests that prove it."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, test in _proofs_in(path):
            found.setdefault(name, []).append(test)
    return found


def _bootstrap_template() -> Path:
    """The template that ``cdk bootstrap`` deploys, from the pinned CLI's package."""
    package = cdk_executable().resolve().parents[1]
    return package / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"


@cache
def deployed_types() -> frozenset[str]:
    """Types in a template of any settings file, the bootstrap stack, or a test's probe stack."""
    sources = [*SNAPSHOTS.rglob("*.json"), *TESTS.rglob("*.py"), _bootstrap_template()]
    found = {
        name for path in sources for name in DEPLOYED.findall(path.read_text(encoding="utf-8"))
    }
    custom = {name for name in found if name.startswith("Custom::")}
    return frozenset((found - custom) | ({CUSTOM_RESOURCE} if custom else set()))


def test_every_executed_type_has_a_proof() -> None:
    executed = {
        name for name, (kind, _) in classification.load_table().items() if kind == "executed"
    }
    unproven = sorted(executed - set(proofs()))
    assert not unproven, "called executed without a test that proves it: " + ", ".join(unproven)


def test_only_executed_types_are_called_proven() -> None:
    table = classification.load_table()
    wrong = {
        name: tests
        for name, tests in proofs().items()
        if table.get(name, ("", ""))[0] != "executed"
    }
    assert not wrong


def test_the_table_lists_only_what_something_deploys() -> None:
    assert not sorted(set(classification.load_table()) - deployed_types())
