"""Which modules of the repository some modules import, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from bundles.archives import ROOT

PACKAGES = ("core", "lambdas", "glue_jobs", "model_code")


def imported(modules: Iterable[str]) -> set[str]:
    """Paths of the modules, of what they import, and of the packages that these lie in."""
    found: set[str] = set()
    open_ends = list(modules)
    while open_ends:
        name = open_ends.pop()
        path = _path(name)
        if path is None or path.relative_to(ROOT).as_posix() in found:
            continue
        found.add(path.relative_to(ROOT).as_posix())
        parts = name.split(".")
        open_ends += [".".join(parts[:length]) for length in range(1, len(parts))]
        open_ends += _names(path)
    return found


def _path(name: str) -> Path | None:
    """Of a module or package of ours."""
    if name.split(".", maxsplit=1)[0] not in PACKAGES:
        return None
    place = ROOT.joinpath(*name.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _names(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            # Read by a type checker alone.
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # A name may be a module of the package.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
