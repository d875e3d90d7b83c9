"""One model container, seen from the service: start, ping, requests, restart, stop."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import TYPE_CHECKING, Any

from local.engines import process, storage
from local.engines.container import images, overlay, unix_http
from local.engines.container.overlay import Overlay
from local.engines.process import JobDirectory
from local.engines.roles import RoleSession

if TYPE_CHECKING:
    from local.services.sagemaker.models import Container

START_SECONDS = 60.0
# What SageMaker gives a container to answer a request, and a ping.
REQUEST_SECONDS = 60.0
PING_SECONDS = 2.0
# A ping is answered 500 when the model does not load; SageMaker would go on asking for minutes.
FAILED_PINGS = 3
# gunicorn takes as many workers as the machine has processors, and each holds the model. Every
# instance type of an endpoint has at least two; who starts the platform may set another number.
WORKERS = 2
WORKERS_VARIABLE = "SAGEMAKER_MODEL_SERVER_WORKERS"
PORT = "8080"
_PING_PAUSE = 0.2
_RESTART_PAUSE = 0.2
_log = logging.getLogger("millrace.sagemaker")


class ServerError(Exception):
    """The server does not run or did not answer; the text is for people."""


class ServerTimeoutError(ServerError):
    """The server took the request and did not answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the container answered, and how long it took in microseconds."""

    status: int
    headers: HTTPMessage
    body: bytes
    microseconds: float

    @property
    def content_type(self) -> str:
        """Of the body."""
        return str(self.headers.get("Content-Type", "application/octet-stream"))


class ModelServer:
    """Downloads the artefact as the model's role, runs the container, restarts it when it dies."""

    def __init__(
        self,
        container: Container,
        session: RoleSession,
        directory: JobDirectory,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._container = container
        self._session = session
        self.directory = directory
        self._extra = dict(extra or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._overlay: Overlay | None = None
        self._ready = False
        self._stopping = threading.Event()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The container's first process, for people (and the demo) that want to kill it."""
        return self._process.pid if self._process is not None else None

    @property
    def socket(self) -> str | None:
        """The socket that stands for the container's port 8080, once there is a container."""
        return str(self._overlay.temporary / f"{PORT}.sock") if self._overlay else None

    def start(self, s3: Any) -> None:
        """Fetch the artefact and start; ServerError or TransferError says why it failed."""
        container = self._container
        if not images.runs(container.image):
            raise ServerError(images.refusal(container.image))
        model = self.directory.base / "model"
        model.mkdir(parents=True, exist_ok=True)
        if container.model_data is not None:
            if container.compressed:
                archive = self.directory.base / "model.tar.gz"
                storage.unpack(storage.download_file(s3, container.model_data, archive), model)
                archive.unlink()
            else:
                storage.download_prefix(s3, container.model_data, model)
        self._launch()

    def watch(self) -> None:
        """Restart the container whenever it ends by itself; returns after ``stop``."""
        while not self._stopping.is_set():
            running = self._process
            if running is None:
                return
            running.wait()
            self._ready = False
            if self._stopping.wait(_RESTART_PAUSE):
                return
            process.forget(running)
            _log.warning("model server %s ended (%s): restart", running.pid, running.returncode)
            self.restarts += 1
            try:
                self._launch()
            except ServerError as error:
                _log.error("model server restart failed: %s", error)

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One request to /invocations; ServerError when there is no answer."""
        if not self._ready:
            raise ServerError("the model server is not running")
        return self.ask("POST", "/invocations", body, headers, REQUEST_SECONDS)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> Answer:
        """Any request to the container's port; ServerError when there is no answer."""
        started = time.perf_counter()
        try:
            connection = unix_http.Connection(str(self.socket), seconds)
            status, given, content = connection.exchange(method, path, body, headers or {})
        except TimeoutError as error:
            raise ServerTimeoutError(f"no answer within {seconds:.0f} seconds") from error
        except (OSError, HTTPException) as error:
            raise ServerError(f"the model server gave no answer: {error}") from error
        took = (time.perf_counter() - started) * 1e6
        return Answer(status, given, content, took)

    def stop(self) -> None:
        """End the process; safe to call twice."""
        self._stopping.set()
        self._ready = False
        running = self._process
        if running is not None:
            process.forget(running)
            self._process = None
        if self._overlay is not None:
            self._overlay.remove()

    def _launch(self) -> None:
        """A fresh container: what an earlier one installed or unpacked is gone."""
        if self._overlay is not None:
            self._overlay.remove()
        shutil.rmtree(self.directory.base / "code", ignore_errors=True)
        self._overlay = overlay.create(self.directory.overlay)
        command = [str(self._overlay.root / "bin" / "serve")]
        with self.directory.log.open("ab") as log:
            self._process = process.start(
                command, self.directory.base, self._environment(self._overlay), log.fileno()
            )
        self._await_ping(self._process)
        self._ready = True

    def _await_ping(self, running: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        failed = 0
        while time.monotonic() < deadline and running.poll() is None and failed < FAILED_PINGS:
            try:
                status = self.ask("GET", "/ping", seconds=PING_SECONDS).status
            except ServerError:
                status = 0
            if status == 200:
                return
            # nginx listens first and answers 502 until gunicorn does.
            failed += status == 500
            time.sleep(_PING_PAUSE)
        process.forget(running)
        raise ServerError(
            "The primary container did not pass the ping health check. "
            + process.tail(self.directory.log, 800, without="GET /ping ")
        )

    def _environment(self, container: Overlay) -> dict[str, str]:
        given = {
            key: self.directory.rewrite(value)
            for key, value in {**self._container.environment, **self._extra}.items()
        }
        return {
            **process.container_environment(self.directory, container),
            WORKERS_VARIABLE: os.environ.get(WORKERS_VARIABLE, str(WORKERS)),
            **self._session.environment(),
            **given,
        }
