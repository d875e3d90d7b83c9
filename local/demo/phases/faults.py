"""Faults made by hand: processes ended by pid, the way a lost machine would end them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from local.demo.story import Story
from local.emulator import process_guard

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 600.0


class SparkKiller:
    """Ends the first Spark process that has a given argument, once something is so."""

    def __init__(self, story: Story, argument: str, when: Callable[[], bool]) -> None:
        self._story, self._argument, self._when = story, argument, when
        self._done = threading.Event()
        self.killed: int | None = None
        self.at: float | None = None

    def start(self) -> SparkKiller:
        """Begin to look, on a thread of its own."""
        threading.Thread(target=self._look, name="spark-killer", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop looking."""
        self._done.set()

    def _look(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._done.is_set() and time.monotonic() < deadline:
            pid = job_process(self._story, self._argument)
            if pid is not None and self._when():
                self._kill(pid)
                return
            time.sleep(LOOK_SECONDS)

    def _kill(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.killed, self.at = pid, time.monotonic()
        self._story.mark("fault", "Spark driver killed", f"SIGKILL to process {pid}")


def job_process(story: Story, argument: str) -> int | None:
    """The Python driver of a Glue run of this platform, found by an argument of its job."""
    info = story.platform.info
    assert info is not None, "the platform is not running"
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or []
        if argument not in words or "python" not in Path(words[0]).name:
            continue
        try:
            if process.environ().get(process_guard.MARK) == info.platform_id:
                return int(process.info["pid"])
        except psutil.Error:
            continue
    return None


def variant_process(story: Story, variant: str) -> int:
    """Process of a variant's server, from the platform's own description of it."""
    known = json.loads((story.platform.state_dir / "endpoints.json").read_text())
    return int(known[story.deployed.endpoint()][variant]["pid"])


def kill_variant(story: Story, variant: str) -> float:
    """End a variant's server; the monotonic time at which it happened."""
    pid = variant_process(story, variant)
    os.kill(pid, signal.SIGKILL)
    story.mark("fault", f"The {variant}'s server is killed", f"SIGKILL to process {pid}")
    return time.monotonic()
