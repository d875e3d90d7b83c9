"""Whether tests that a page names exist."""

from __future__ import annotations

import ast
from pathlib import Path


def missing(root: Path, proofs: list[tuple[str, str]]) -> list[str]:
    """Named tests that their file does not define."""
    return [f"{file}::{name}" for file, name in proofs if name not in _defined(root / file)]


def _defined(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    found = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in found if isinstance(node, ast.FunctionDef)}
