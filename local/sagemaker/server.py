"""One model server process, seen from the service: start, health, requests, restart, stop."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from local.sagemaker import images, process, storage
from local.sagemaker.process import JobDirectory
from local.sagemaker.roles import RoleSession

if TYPE_CHECKING:
    from local.sagemaker.models import Container

_SCRIPT = Path(__file__).with_name("variant_server.py")
START_SECONDS = 60.0
REQUEST_SECONDS = 60.0  # what SageMaker gives a container to answer
_RESTART_PAUSE = 0.2
_log = logging.getLogger("millrace.sagemaker")


class ServerError(Exception):
    """The server does not run or did not answer; the text is for people."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the container answered, and how long it took in microseconds."""

    status: int
    content_type: str
    body: bytes
    microseconds: float


class ModelServer:
    """Downloads the artefact as the model's role, runs the server, restarts it when it dies."""

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
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._stopping = threading.Event()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The server's process id, for people (and the demo) that want to kill it."""
        return self._process.pid if self._process is not None else None

    @property
    def port(self) -> int | None:
        """The loopback port while the server is ready."""
        pool = self._pool
        return pool.port if pool is not None else None

    def start(self, s3: Any) -> None:
        """Fetch the artefact and start; ServerError or TransferError says why it failed."""
        container = self._container
        if images.python_for(container.image) is None:
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
        """Restart the server whenever it ends by itself; returns after ``stop``."""
        while not self._stopping.is_set():
            running = self._process
            if running is None:
                return
            running.wait()
            self._pool = None
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
        pool = self._pool
        if pool is None:
            raise ServerError("the model server is not running")
        started = time.perf_counter()
        try:
            answer = pool.urlopen(
                "POST", "/invocations", body=body, headers=dict(headers), retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise ServerError(f"the model server gave no answer: {error}") from error
        took = (time.perf_counter() - started) * 1e6
        content_type = answer.headers.get("Content-Type", "application/octet-stream")
        return Answer(answer.status, content_type, answer.data, took)

    def stop(self) -> None:
        """End the process; safe to call twice."""
        self._stopping.set()
        running, self._pool = self._process, None
        if running is not None:
            process.forget(running)
            self._process = None

    def _launch(self) -> None:
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        command = [sys.executable, "-P", str(_SCRIPT), "--ready", str(write_end)]
        try:
            with self.directory.log.open("ab") as log:
                self._process = process.start(
                    command, self.directory.base, self._environment(), log.fileno(), (write_end,)
                )
            os.close(write_end)
            port = self._await_port(read_end)
        finally:
            os.close(read_end)
        self._pool = urllib3.HTTPConnectionPool(
            "127.0.0.1", port, maxsize=32, timeout=urllib3.Timeout(REQUEST_SECONDS)
        )

    def _await_port(self, descriptor: int) -> int:
        readable, _, _ = select.select([descriptor], [], [], START_SECONDS)
        announced = os.read(descriptor, 16) if readable else b""
        if not announced:
            if self._process is not None:
                process.forget(self._process)
            raise ServerError(
                "The primary container did not pass the ping health check. "
                + process.tail(self.directory.log, 600)
            )
        return int(announced)

    def _environment(self) -> dict[str, str]:
        given = {
            key: self.directory.rewrite(value)
            for key, value in {**self._container.environment, **self._extra}.items()
        }
        return {
            **process.base_environment(self.directory),
            **self._session.environment(),
            **given,
        }
