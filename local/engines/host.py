"""What the SageMaker service needs to know about the emulator it lives in."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from pathlib import Path

# Two jobs and their servers share the developer's machine with tests.
JOBS_AT_ONCE = 2
job_slots = threading.BoundedSemaphore(JOBS_AT_ONCE)

_state_dir: list[Path] = []


def set_state_dir(path: Path) -> None:
    """Where jobs, logs and debug files go; called by ``attach``."""
    _state_dir[:] = [path]


def state_dir() -> Path:
    """The platform's state directory; RuntimeError before ``attach``."""
    if not _state_dir:
        raise RuntimeError("SageMaker is not attached to an emulator")
    return _state_dir[0]


def scoped(target: Callable[[], None], name: str) -> threading.Thread:
    """A started daemon thread that keeps the caller's account and Region."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(target,), name=name, daemon=True)
    thread.start()
    return thread
