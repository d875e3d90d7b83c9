"""One HTTP request over a socket file."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping


class Connection(http.client.HTTPConnection):
    """A connection to the server that listens at ``path``; ``timeout`` in seconds."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def exchange(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the answer; OSError or HTTPException when there is none."""
        try:
            self.request(method, target, body or None, {**headers, "Connection": "close"})
            answer = self.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            self.close()
