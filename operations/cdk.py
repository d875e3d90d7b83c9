"""The cdk CLI of this repository, run with the virtual environment's Node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASSEMBLY = ROOT / "cdk.out"


class CdkError(SystemExit):
    """The CLI failed; it has said why, and its exit code ends a command line."""


def run_cdk(arguments: Sequence[str], *, log: Path | None = None) -> None:
    """Run ``cdk`` from package-lock.json in the repository root.

    What it prints is shown, or appended to ``log`` when one is given.

    Raises:
        CdkError: with the CLI's exit code when it fails.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [str(ROOT / "node_modules/.bin/cdk"), *arguments]
    with log.open("ab") if log else nullcontext() as output:
        code = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PATH": path}, stdout=output, stderr=output,
            check=False,
        ).returncode  # fmt: skip
    if code:
        raise CdkError(code)
