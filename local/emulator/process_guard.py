"""No process outlives the platform, however it ends.

Every process of one platform run inherits ``MILLRACE_PLATFORM_ID`` in its environment. That mark
survives ``setsid``, double forks and re-parenting, so whoever notices the end (``Platform.stop``,
the emulator's own shutdown, or the guard process when the emulator was killed) finds the rest by
it. Process ids alone could be reused; an id with our mark in its environment is ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable

import psutil

MARK = "MILLRACE_PLATFORM_ID"
GRACE_SECONDS = 3.0


def marked_processes(platform_id: str, *, excluding: Iterable[int] = ()) -> list[psutil.Process]:
    """Every living process of this user that carries the platform's mark."""
    skip = {os.getpid(), *excluding}
    found = []
    for process in psutil.process_iter():
        if process.pid in skip:
            continue
        try:
            if process.environ().get(MARK) == platform_id:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_marked(platform_id: str, *, excluding: Iterable[int] = ()) -> int:
    """Terminate, then kill, every marked process; return how many were found."""
    skip = tuple(excluding)
    processes = marked_processes(platform_id, excluding=skip)
    _signal_all(processes, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=GRACE_SECONDS)
    late = marked_processes(platform_id, excluding=skip)
    _signal_all({*alive, *late}, signal.SIGKILL)
    psutil.wait_procs([*alive, *late], timeout=GRACE_SECONDS)
    return len(processes)


def _signal_all(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def watch_parent(pipe: int, on_end: Callable[[], object]) -> None:
    """Call ``on_end`` when the other end of ``pipe`` closes: the parent ended, even killed."""

    def wait() -> None:
        while os.read(pipe, 1):
            pass
        on_end()

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def start_guard(platform_id: str) -> subprocess.Popen[bytes]:
    """Start the process that sweeps up after this one; it ends by itself when this one ends."""
    read_end, write_end = os.pipe()
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    guard = subprocess.Popen(
        [sys.executable, "-m", "local.emulator.process_guard", platform_id, str(read_end)],
        pass_fds=(read_end,),
        env=environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    os.close(read_end)
    os.set_inheritable(write_end, False)
    return guard


def main() -> None:
    """Wait for the emulator's end, give its children a moment, then end what carries its mark."""
    platform_id, pipe = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.read(pipe, 1):
        pass
    time.sleep(0.2)
    end_marked(platform_id)


if __name__ == "__main__":
    main()
