"""The image's Python environment: versions, patch, no compiler, which Python."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.engines.container import build, images, overlay
from tests.support.locks import locked
from tests.support.yaml_files import parsed

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = """
import importlib.metadata as m, json, re
print(json.dumps({re.sub(r"[-_.]+", "-", d.name).lower(): d.version for d in m.distributions()}))
"""
SCRIPTS = """
import importlib.metadata as m, json
print(json.dumps({e.name: e.value for e in m.entry_points(group="console_scripts")}))
"""


def test_the_deployed_image_is_the_one_whose_packages_are_here() -> None:
    deployed = parsed((ROOT / "config" / "images.yaml").read_text())["xgboost"]
    assert deployed["version"] == images.VERSION
    assert locked()["xgboost-cpu"] == images.VERSION.replace("-", ".")


def run(program: str) -> dict[str, str]:
    done = subprocess.run(
        [build.python(), "-I", "-c", program], capture_output=True, check=True, text=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_exactly_the_locked_packages_are_installed() -> None:
    installed = run(INSTALLED)
    wanted = locked()
    # Packages of other systems are locked, too.
    assert set(wanted) - set(installed) <= {"colorama", "pyyaml", "pycparser"}
    assert installed == {name: wanted[name] for name in installed}


def test_the_commands_are_those_of_the_installed_packages() -> None:
    scripts = run(SCRIPTS)
    for name in ("train", "gunicorn"):
        assert scripts[name] == ":".join(overlay.COMMANDS[name])


def test_the_toolkit_is_patched_as_the_image_does() -> None:
    text = (build.site_packages() / "sagemaker_containers" / "_mapping.py").read_text()
    assert "collections.abc.Mapping" in text
    assert not re.search(r"collections\.Mapping", text)


def test_the_toolkits_extension_is_not_built() -> None:
    assert [path.name for path in build.site_packages().glob("gethostname*")] == ["gethostname.py"]


def interpreter(folder: Path, text: str) -> str:
    folder.mkdir()
    path = folder / "python3.12"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_python_3_12_that_works_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_off = interpreter(tmp_path / "shims", "exit 127")
    other = interpreter(tmp_path / "other", "echo 3 13")
    right = interpreter(tmp_path / "right", "echo 3 12")
    folders = [str(Path(path).parent) for path in (switched_off, other, right)]
    monkeypatch.setenv("PATH", ":".join(folders))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert build.find_python() == right
    monkeypatch.setenv("PATH", ":".join(folders[:2]))
    assert build.find_python() == sys.executable


def test_the_run_says_which_python_stands_in() -> None:
    version = build.site_packages().parent.name.removeprefix("python")
    said = "as the image" if version == "3.12" else "the image has 3.12"
    assert build.describe() == f"Python {version} ({said})"
