"""Each capability keeps to its room: who may import whom, and what leaves with an optional one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Template

from config import resource_types
from config.load import REPOSITORY, load_deployment
from config.rules import RULES
from stacks import registry
from stacks.application import build
from tests.support.apps import new_app

pytestmark = pytest.mark.cdk

STACKS = REPOSITORY / "stacks"
ROOMS = sorted(path.name for path in STACKS.iterdir() if (path / "__init__.py").exists())
CODE = ("app.py", "bundles", "config", "core", "lambdas", "local", "operations", "review", "stacks")
TOY = """
from aws_cdk import CfnOutput

from stacks.kit.capability import Capability


class Toy(Capability):
    def table_made(self, table):
        CfnOutput(table.stack, "ToyTable", value=table.table_name)
        return False


def capability(settings):
    return Toy()
"""


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _sources(*roots: str) -> Iterator[tuple[str, set[str]]]:
    for root in roots:
        place = REPOSITORY / root
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield path.relative_to(REPOSITORY).as_posix(), set(_imported(path))


def test_the_kit_knows_no_capability() -> None:
    capabilities = {f"stacks.{room}" for room in ROOMS if room != "kit"}
    for name, imported in _sources("stacks/kit"):
        known = {one for one in imported if ".".join(one.split(".")[:2]) in capabilities}
        assert not known, f"{name} imports {known}"


def test_a_stack_is_composed_in_one_place() -> None:
    for name, imported in _sources("stacks"):
        stacks = {one for one in imported if one.split(".")[2:3] == ["stack"]}
        assert not stacks or name == "stacks/application.py", f"{name} imports {stacks}"


@pytest.mark.parametrize("room", registry.OPTIONAL)
def test_nobody_imports_an_optional_capability(room: str) -> None:
    """But for the settings, which have its field."""
    for name, imported in _sources(*CODE):
        inside = name.startswith(f"stacks/{room}/") or name == "config/settings.py"
        used = {one for one in imported if one.split(".")[:2] == ["stacks", room]}
        assert inside or not used, f"{name} imports {used}"


def test_settings_and_rules_load_no_construct() -> None:
    code = "import sys, config.load; sys.exit('aws_cdk' in sys.modules or 'jsii' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False)
    assert run.returncode == 0


def _synthesised(environment: str) -> dict[str, dict[str, Any]]:
    app = new_app()
    build(app, load_deployment(environment))
    stacks = [child for child in app.node.children if isinstance(child, Stack)]
    return {
        stack.node.id: cast("dict[str, Any]", Template.from_stack(stack).to_json())
        for stack in stacks
    }


def test_without_their_lines_optional_capabilities_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The deployment is whole without them, although the settings of prod ask for them."""
    theirs = set(resource_types.read(registry.files("facts.yaml")))
    theirs -= set(resource_types.read([resource_types.TABLE]))
    monkeypatch.setattr(registry, "OPTIONAL", ())
    found = _synthesised("prod")
    kinds = {r["Type"] for template in found.values() for r in template["Resources"].values()}
    assert not kinds & theirs
    modules = [path for path in STACKS.glob("*/*stack.py") if path.parent.name != "kit"]
    assert len(found) == len(modules)


def test_a_capability_is_added_by_a_folder_and_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "capability.py").write_text(TOY)
    stacks = sys.modules["stacks"]
    monkeypatch.setattr(stacks, "__path__", [*stacks.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "OPTIONAL", (*registry.OPTIONAL, "toy"))
    assert "ToyTable" in _synthesised("demo")["training-flights"]["Outputs"]


def test_rules_of_optional_capabilities_are_asked() -> None:
    assert set(registry.rules()) <= set(RULES)
