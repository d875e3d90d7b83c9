"""Optional capabilities leave whole, and another one comes the same way: in a copy of all files.

What is checked here takes seconds; ``make without`` regenerates what programs write, and runs ruff,
mypy and the tests in the copy.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.load import REPOSITORY
from stacks import registry
from tests.support.distribution import SHARED
from tests.support.removal import FOLDERS, copy, main, remove

# Every module is imported, every settings file loads, prod synthesises, tables and pages are whole.
PROGRAM = """
import importlib, json, pathlib
from aws_cdk import App
from config import resource_types
from config.load import environments, load_deployment, REPOSITORY
from operations import fidelity, pages, required_grants
from stacks import registry
from stacks.application import build

assert registry.OPTIONAL == ("toy",)
for room in ("config", "core", "operations", "review", "stacks", "bundles"):
    for path in pathlib.Path(room).rglob("*.py"):
        if path.stem != "__main__" and not path.stem.endswith("_script"):
            name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(name)
for environment in environments(REPOSITORY):
    load_deployment(environment)
assert resource_types.of("AWS::Toy::Toy").holds == "data"
assert "Toy of a table" in required_grants.table().integrations
fidelity.read()
assert any("Toys speak" in pages.filled(page.read_text()) for page in pages.pages())
context = json.loads(pathlib.Path("cdk.json").read_text())["context"]
app = App(outdir="out/without", analytics_reporting=False, context=context)
build(app, load_deployment("prod"))
app.synth()
"""
TOY = {
    "__init__.py": "",
    "settings.py": """
from config.section import Section


class Toy(Section):
    says: str
""",
    "capability.py": """
from aws_cdk import CfnOutput

from stacks.kit.capability import Capability


class SpeakingToy(Capability):
    def __init__(self, says):
        self._says = says

    def table_made(self, table):
        CfnOutput(table.stack, "Toy", value=self._says)
        return False


def capability(settings):
    return SpeakingToy(settings.toy.says) if settings.toy else None
""",
    "facts.yaml": "AWS::Toy::Toy: {holds: data}\n",
    "aws-required-grants.yaml": "nothing_more: {Toy of a table: It asks for nothing.}\n",
    "docs/security.md": "Toys speak.\n",
}


def _add_toy(root: Path) -> None:
    """A folder, a line, a field and a section."""
    for name, text in TOY.items():
        path = root / "stacks" / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _insert(root / "stacks" / "registry.py", r"^OPTIONAL: .* = \(", '"toy", ')
    settings = root / "config" / "settings.py"
    _insert(settings, "from config.section import .*\n", "from stacks.toy.settings import Toy\n")
    _insert(settings, "    perimeter: .*\n", "    toy: Toy | None = None\n")
    _insert(root / "config" / "prod.yaml", "environment: prod\n", "toy: {says: hello}\n")


def _insert(path: Path, after: str, text: str) -> None:
    changed, count = re.subn(
        after, lambda found: found[0] + text, path.read_text(), flags=re.MULTILINE
    )
    assert count == 1, (path, after)
    path.write_text(changed)


def test_optional_capabilities_leave_and_another_comes(tmp_path: Path) -> None:
    copy(REPOSITORY, tmp_path)
    for capability in registry.OPTIONAL:
        edited = {str(path.relative_to(tmp_path)) for path in remove(tmp_path, capability)}
        assert {"config/settings.py", "stacks/registry.py"} <= edited
    _add_toy(tmp_path)
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    template = tmp_path / "out" / "without" / "training-flights.template.json"
    training = json.loads(template.read_text())
    assert training["Outputs"]["Toy"] == {"Value": "hello"}


def test_a_capability_that_nobody_has_is_refused() -> None:
    allowed = ", ".join(registry.OPTIONAL) or "none is left"
    with pytest.raises(SystemExit, match=f"^CAPABILITY: bakcup — allowed: {allowed} "):
        main(["bakcup"])


def test_a_new_file_is_copied_before_it_is_tracked(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=source, check=True)
    for name, text in {".gitignore": "made", "new": "", "made": ""}.items():
        (source / name).write_text(text)
    copy(source, target)
    assert {path.name for path in target.iterdir()} == {".git", ".gitignore", "new"}


def test_what_writes_pages_anew_is_no_session_of_tests_and_has_a_folder_until_it_ends() -> None:
    program = "from tests.synth import _shared_folder as made; print(made(), made().is_dir())"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, check=True, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != SHARED},
    )  # fmt: skip
    folder, existed = run.stdout.split()
    assert existed == "True"
    assert not Path(folder).exists()


@pytest.mark.parametrize("capability", registry.OPTIONAL)
def test_nobody_outside_names_the_files_of_an_optional_capability(capability: str) -> None:
    """But for the settings, which have its field, and what programs write."""
    rooms = tuple(f"{folder}/{capability}/" for folder in FOLDERS)
    names = (*rooms, *(room.rstrip("/").replace("/", ".") for room in rooms))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", "*.yaml", "*.toml", "Makefile"],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    written = ("config/settings.py", "docs/review/")
    naming = {
        file
        for file in filter(None, listed)
        if not file.startswith((*rooms, *written))
        and (REPOSITORY / file).is_file()
        and any(name in (REPOSITORY / file).read_text() for name in names)
    }
    assert naming == set()
