"""The cdk CLI of this repository, run with the virtual environment's Node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASSEMBLY = ROOT / "cdk.out"


def run_cdk(arguments: Sequence[str], *, environment: dict[str, str] | None = None) -> None:
    """Run ``cdk`` from package-lock.json in the repository root and show what it prints.

    Raises:
        SystemExit: with the CLI's exit code when it fails; the CLI has said why.
    """
    variables = {**os.environ, **(environment or {})}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    command = [str(ROOT / "node_modules/.bin/cdk"), *arguments]
    code = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if code:
        raise SystemExit(code)
