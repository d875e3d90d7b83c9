"""Synthesise the app in a process of its own, once per settings file and test session.

The compliance packs stay off: with them a finding would fail every test that reads a template. So
does CDK's template validation, which takes as long as the rest; ``make check`` runs both.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from config.load import REPOSITORY, environments
from tests.support.distribution import SHARED

ENVIRONMENTS = environments(REPOSITORY)
# Every settings file that ships has this one model, with these stacks of its own.
MODEL = "flights"
OF_MODEL = ("training", "serving", "monitor")
# In the order of the edges: each stack may use those before it (docs/architecture.md).
STACK_NAMES = (
    "security",
    "network",
    "data-lake",
    "ingestion",
    "processing",
    "training",
    "serving",
    "monitor",
    "api",
    "monitoring",
    "audit",
)


def synth_environment(
    environment: str, outdir: Path, *, nag: bool = False, extra: dict[str, str] | None = None
) -> dict[str, str]:
    """Process environment with which ``app.py`` behaves as below the ``cdk`` CLI."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    context |= {"env": environment} | ({} if nag else {"nag": "off"})
    binaries = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}",
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": str(nag).lower(),
        **(extra or {}),
    }


def synthesise(
    environment: str,
    outdir: Path,
    *,
    extra: dict[str, str] | None = None,
    command: tuple[str, ...] = ("app.py",),
) -> None:
    """Write the cloud assembly of ``environment`` to ``outdir``.

    Raises:
        AssertionError: the app failed; the message is what it printed.
    """
    run = subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        env=synth_environment(environment, outdir, extra=extra),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"synth of {environment} failed:\n{run.stdout}\n{run.stderr}"


@cache
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="millrace-synth-")


def _shared_folder() -> Path:
    """The session's folder; a program that is no test has none, so it gets one until it ends."""
    return Path(os.environ.get(SHARED) or _own_folder().name)


@cache
def assembly(environment: str) -> Path:
    """Folder of the cloud assembly, made once per session, whichever worker is first to ask."""
    folder = _shared_folder()
    outdir, made = folder / environment, folder / f"{environment}.made"
    with (folder / f"{environment}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            # Another process makes the same under another seed and zone (test_determinism.py).
            synthesise(environment, outdir, extra={"PYTHONHASHSEED": "1", "TZ": "UTC"})
            made.touch()
    return outdir


def stack_id(name: str) -> str:
    """Id of a stack in the assembly, by its short name."""
    return f"{name}-{MODEL}" if name in OF_MODEL else name


@cache
def templates(environment: str) -> dict[str, dict[str, Any]]:
    """Template of each stack by its short name, without the one model's (``data-lake``)."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(assembly(environment).glob("*.template.json")):
        name = path.name.removesuffix(".template.json").removesuffix(f"-{MODEL}")
        found[name] = json.loads(path.read_text())
    assert found, f"no template in {assembly(environment)}"
    return found


def resources(environment: str, kind: str | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    """(stack, logical id, resource) of every resource, or of those of one CloudFormation type."""
    return [
        (stack, logical_id, resource)
        for stack, template in templates(environment).items()
        for logical_id, resource in template.get("Resources", {}).items()
        if kind is None or resource["Type"] == kind
    ]
