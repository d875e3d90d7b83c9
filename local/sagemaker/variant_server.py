"""The model server of one production variant: /ping and /invocations over ``sagemaker-inference``.

Run as a file, with ``-P``, so that nothing beside it becomes importable by the model's code. It
loads the model first, then listens on a port of the system's choice and writes that port to the
descriptor given by ``--ready``: who reads the port knows that the model has loaded.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sagemaker_inference import environment
from sagemaker_inference.default_handler_service import DefaultHandlerService

MAX_BODY = 25 << 20


class _Request:
    """The part of multi-model-server's context that the toolkit's Transformer reads and sets."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.system_properties = {"model_dir": environment.model_dir}
        self.request_processor = [self]
        self.status = 200
        self.content_type = "application/json"
        self._headers = headers

    def get_request_properties(self) -> dict[str, str]:
        return self._headers

    def set_response_content_type(self, _index: int, value: str) -> None:
        self.content_type = value

    def set_response_status(self, code: int = 200, **_more: object) -> None:
        self.status = code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    service: DefaultHandlerService

    def do_GET(self) -> None:
        """/ping: the model has loaded before the port was announced."""
        self._answer(200 if self.path == "/ping" else 404, "text/plain", b"")

    def do_POST(self) -> None:
        """/invocations: one request through the toolkit's hooks."""
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/invocations" or length > MAX_BODY:
            self.close_connection = True
            self._answer(413 if length > MAX_BODY else 404, "text/plain", b"")
            return
        body = self.rfile.read(length)
        # "Bodies" are lists because multi-model-server batches; SageMaker sends one.
        request = _Request(dict(self.headers.items()))
        answers = self.service.handle([{"body": body}], request)
        answer = answers[0] if answers else b""
        content = answer.encode() if isinstance(answer, str) else bytes(answer)
        self._answer(request.status, request.content_type, content)

    def _answer(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """One line per request would cost more than the request; errors are logged by hooks."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _load() -> DefaultHandlerService:
    code = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or environment.code_dir
    if "://" in code:
        raise ValueError(f"SAGEMAKER_SUBMIT_DIRECTORY {code!r}: only code inside the model runs")
    sys.path.insert(0, code)
    service = DefaultHandlerService()
    service.initialize(_Request({}))
    return service


def main() -> None:
    """Load, announce the port, serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready", type=int, required=True, help="descriptor to write the port to")
    ready = parser.parse_args().ready
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        _Handler.service = _load()
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        os.write(ready, f"{server.server_port}\n".encode())
        os.close(ready)
        server.serve_forever()


if __name__ == "__main__":
    main()
