"""Which AWS services a piece of code makes clients for: its own module and all it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from config.load import REPOSITORY

OURS = ("core", "lambdas", "glue_jobs", "model_code")
# boto3's name → the last part of the endpoint's.
ENDPOINTS = {
    "cloudformation": "cloudformation",
    "cloudwatch": "monitoring",
    "dynamodb": "dynamodb",
    "kms": "kms",
    "s3": "s3",
    "sagemaker": "sagemaker.api",
    "sagemaker-runtime": "sagemaker.runtime",
    "ssm": "ssm",
}


def services(entry: str) -> set[str]:
    """Endpoints' names of every client that the module at ``entry`` or an import of it makes.

    Raises:
        AssertionError: a client's service is not a literal, or has no known endpoint.
    """
    found = set()
    for path in closure(REPOSITORY / entry):
        for service in clients(path.read_text(), str(path)):
            assert service in ENDPOINTS, f"{path}: no endpoint is known for {service!r}"
            found.add(ENDPOINTS[service])
    return found


def clients(source: str, name: str = "") -> Iterator[str]:
    """Services of ``<anything>.client("…")`` and ``.resource("…")`` in a source."""
    for node in ast.walk(ast.parse(source)):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(called, ast.Attribute) or called.attr not in {"client", "resource"}:
            continue
        assert isinstance(node, ast.Call)
        given = node.args[0] if node.args else None
        literal = isinstance(given, ast.Constant) and isinstance(given.value, str)
        assert literal, f"{name}:{node.lineno}: the service of a client has to be a literal"
        yield given.value  # type: ignore[union-attr,misc]


def closure(entry: Path) -> set[Path]:
    """The module and every module of ours that it imports, directly or not."""
    found: set[Path] = set()
    waiting = {entry}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= _imports(path) - found
    return found


@cache
def _imports(path: Path) -> frozenset[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = (REPOSITORY / name.replace(".", "/") for name in names if name.split(".")[0] in OURS)
    files = (file for place in ours for file in (place.with_suffix(".py"), place / "__init__.py"))
    return frozenset(file for file in files if file.is_file())
