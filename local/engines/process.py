"""Running a job's code as a process that sees the container's contract.

A SageMaker container finds its files under ``/opt/ml``. Here every job has a directory of its
own in that place: ``SAGEMAKER_BASE_DIR`` names it for the toolkit, and ``/opt/ml`` at the start
of a path in arguments and environment is rewritten to it. Nothing of the repository is on the
process's path, so code that forgot to ship a module fails here as it does on AWS.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.emulator.process_guard import MARK
from local.engines.container.overlay import Overlay

CONTAINER_BASE = "/opt/ml"
_CONTAINER_PATH = re.compile(r"(?<![\w/.-])/opt/ml(?=/|$|[^\w.-])")
# Set for the emulator by the platform; children need them to trust its certificate.
_TRUST = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", MARK)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", *_TRUST)
# What the image's Dockerfile sets.
IMAGE_VARIABLES = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "SM_INPUT": "/opt/ml/input",
    "SM_INPUT_TRAINING_CONFIG_FILE": "/opt/ml/input/config/hyperparameters.json",
    "SM_INPUT_DATA_CONFIG_FILE": "/opt/ml/input/config/inputdataconfig.json",
    "SM_CHECKPOINT_CONFIG_FILE": "/opt/ml/input/config/checkpointconfig.json",
    "SM_MODEL_DIR": "/opt/ml/model",
    "SAGEMAKER_TRAINING_MODULE": "sagemaker_xgboost_container.training:main",
    "SAGEMAKER_SERVING_MODULE": "sagemaker_xgboost_container.serving:main",
}
# A job on SageMaker has the machine to itself; two of them share this one.
THREADS = {"OMP_NUM_THREADS": "2"}
# Who starts several runs, as the tests do, may name a folder for all of them.
INSTALLS_VARIABLE = "MILLRACE_INSTALLS"
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 10.0
_BUSY_SECONDS = 5.0

_live: set[int] = set()
_live_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """The directory that stands for ``/opt/ml`` of one job, and its log file."""

    base: Path

    @property
    def overlay(self) -> Path:
        """The container's own Python environment."""
        return self.base.parent / "environment"

    @property
    def log(self) -> Path:
        """Standard output and error of everything the job ran."""
        return self.base.parent / f"{self.base.name}.log"

    def at(self, container_path: str) -> Path:
        """The local place of a path under ``/opt/ml``; ValueError for any other path."""
        if not container_path.startswith(CONTAINER_BASE + "/"):
            raise ValueError(f"{container_path!r} is not under {CONTAINER_BASE}")
        path = (self.base / container_path[len(CONTAINER_BASE) + 1 :]).resolve()
        if not path.is_relative_to(self.base.resolve()):
            raise ValueError(f"{container_path!r} leaves {CONTAINER_BASE}")
        return path

    def rewrite(self, text: str) -> str:
        """``text`` with each path under ``/opt/ml`` pointing into this directory."""
        return _CONTAINER_PATH.sub(str(self.base), text)


@dataclass(slots=True)
class Control:
    """How others end a running job: a stop request, and the deadline it was given."""

    stop: threading.Event = field(default_factory=threading.Event)
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended: its exit code (negative: the signal), and who ended it."""

    exit_code: int
    stopped: bool = False
    timed_out: bool = False


def base_environment(directory: JobDirectory) -> dict[str, str]:
    """The variables every job process starts from; nothing of the caller's shell leaks in."""
    return {
        **_kept(_PASSED_ON),
        "HOME": str(directory.base),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **THREADS,
    }


def container_environment(directory: JobDirectory, overlay: Overlay) -> dict[str, str]:
    """The variables every SageMaker container starts from."""
    image = {name: directory.rewrite(value) for name, value in IMAGE_VARIABLES.items()}
    return {
        **_kept(_TRUST),
        **image,
        **overlay.environment(),
        "PATH": os.pathsep.join((str(overlay.root / "bin"), os.environ["PATH"])),
        "HOME": str(directory.base),
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_BASE_DIR": str(directory.base),
        **_kept_installs(),
    }


def _kept_installs() -> dict[str, str]:
    """Where containers find what pip installed for earlier ones: of this run, or of several."""
    if INSTALLS_VARIABLE in os.environ:
        return _kept((INSTALLS_VARIABLE,))
    run = os.environ.get("MILLRACE_STATE_DIR")
    return {INSTALLS_VARIABLE: str(Path(run, "sagemaker", "installs"))} if run else {}


def _kept(wanted: Sequence[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in wanted if name in os.environ}


def run(
    command: Sequence[str],
    directory: JobDirectory,
    environment: Mapping[str, str],
    control: Control,
) -> Outcome:
    """Run ``command`` until it exits, is stopped or runs out of time; output goes to the log."""
    with directory.log.open("ab") as log:
        process = start(command, directory.base, environment, log.fileno())
    try:
        return _await(process, control)
    finally:
        forget(process)


def start(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], log: int
) -> subprocess.Popen[bytes]:
    """A process in a group of its own, so that its children end with it.

    A program that was only just written may be busy: what another thread starts at that moment
    inherits the file, open for writing, until its own program is loaded. https://go.dev/issue/22315
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            process = _started(command, cwd, environment, log)
        except OSError as error:
            if error.errno != errno.ETXTBSY or time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            break
    with _live_lock:
        _live.add(process.pid)
    return process


def _started(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], log: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process and its children, if they still exist."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def forget(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a process group and drop it from the books."""
    signal_group(process, signal.SIGKILL)
    process.wait()
    with _live_lock:
        _live.discard(process.pid)


def end_all() -> None:
    """Kill every process group this module started: the emulator is going down."""
    with _live_lock:
        groups = list(_live)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def tail(log: Path, characters: int = 900, without: str | None = None) -> str:
    """The end of a log file, for a FailureReason, leaving out lines that hold ``without``."""
    if not log.exists():
        return ""
    text = log.read_text(errors="replace")
    if without:
        text = "\n".join(line for line in text.splitlines() if without not in line)
    return text[-characters:].strip()


def _await(process: subprocess.Popen[bytes], control: Control) -> Outcome:
    deadline = None if control.seconds is None else time.monotonic() + control.seconds
    while process.poll() is None:
        stopped = control.stop.wait(_POLL_SECONDS)
        timed_out = deadline is not None and time.monotonic() >= deadline
        if stopped or timed_out:
            return Outcome(_terminate(process), stopped=stopped, timed_out=timed_out)
    return Outcome(process.returncode)


def _terminate(process: subprocess.Popen[bytes]) -> int:
    signal_group(process, signal.SIGTERM)
    try:
        return process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGKILL)
        return process.wait()
