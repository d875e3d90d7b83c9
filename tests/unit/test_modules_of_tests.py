"""No module of the tests imports a test module or a conftest; tests/support has what is shared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from config.load import REPOSITORY

TESTS = REPOSITORY / "tests"


def imported(source: str) -> Iterator[str]:
    """Every name that may be a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def of_tests(source: str) -> list[str]:
    """Imports out of modules that pytest collects or loads by itself."""
    return [
        name
        for name in imported(source)
        if name.startswith("tests.")
        and any(_is_collected(TESTS.joinpath(*name.split(".")[1:end])) for end in (-1, None))
    ]


def _is_collected(path: Path) -> bool:
    named = path.name.startswith("test_") or path.name == "conftest"
    return named and path.with_suffix(".py").is_file()


def test_no_module_imports_a_test_module() -> None:
    sources = {path.relative_to(REPOSITORY): path.read_text() for path in TESTS.rglob("*.py")}
    found = {str(path): names for path, text in sources.items() if (names := of_tests(text))}
    assert not found


def test_an_import_of_a_test_module_is_seen() -> None:
    here = "tests.unit.test_modules_of_tests"
    assert of_tests(f"from {here} import imported") == [f"{here}.imported"]
    assert of_tests("from tests.unit import test_modules_of_tests") == [here]
    assert of_tests(f"def inside():\n    import {here}") == [here]
    assert of_tests("from tests.unit.conftest import departure")
    assert not of_tests("from tests.support.sagemaker import unique")
