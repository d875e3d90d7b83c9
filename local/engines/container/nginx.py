"""What nginx does in front of the toolkit's gunicorn; run as the program ``nginx`` of the overlay.

nginx is in no package registry. The toolkit writes its configuration from a template of its own
and starts ``nginx -c <file>``; this program reads that very file, obeys the directives in it and
refuses any other. Two things differ (docs/container.md): a port is a socket file in the container's
temporary directory, for processes of one machine share their ports; and a connection carries one
request. Standard library only: it starts without the container's packages.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import socketserver
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

_PARTS = re.compile(r'"[^"]*"|[{};]|[^\s{};]+')
# Directives that change nothing that a client of this server could see.
_WITHOUT_EFFECT = {
    "worker_processes", "daemon", "pid", "error_log", "worker_rlimit_nofile", "events",
    "worker_connections", "include", "keepalive_timeout", "http", "upstream", "access_log",
}  # fmt: skip
_PROXIED = ["proxy_set_header", "proxy_redirect", "proxy_read_timeout", "proxy_pass"]
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}

Block = list[tuple[list[str], "Block | None"]]


@dataclass(frozen=True, slots=True)
class Config:
    """What of the configuration a client sees."""

    port: str
    upstream: str
    largest_body: int
    proxied: re.Pattern[str]
    read_timeout: float
    refusal: tuple[int, str]
    default_type: str


def read(text: str) -> Config:
    """The configuration; ValueError names a directive that is not known here."""
    directives = list(_walk(_parse(iter(_PARTS.findall(text)))))
    found = {words[0]: words[1:] for words in directives}
    location = next(w for w in directives if w[0] == "location" and w[1] == "~")
    known = {*_WITHOUT_EFFECT, *_PROXIED, "default_type", "server", "listen",
             "client_max_body_size", "location", "return"}  # fmt: skip
    unknown = sorted(set(found) - known)
    if unknown:
        raise ValueError(f"unknown directive {', '.join(unknown)}")
    upstream = next(w[1] for w in directives if w[0] == "server" and len(w) > 1)
    status, text = found["return"]
    return Config(
        port=found["listen"][0],
        upstream=upstream.removeprefix("unix:"),
        largest_body=int(found["client_max_body_size"][0]),
        proxied=re.compile(location[2]),
        read_timeout=float(found["proxy_read_timeout"][0].removesuffix("s")),
        refusal=(int(status), text.strip('"')),
        default_type=found["default_type"][0],
    )


def _parse(parts: Iterator[str]) -> Block:
    block: Block = []
    words: list[str] = []
    for part in parts:
        if part == "}":
            return block
        if part in ("{", ";"):
            block.append((words, _parse(parts) if part == "{" else None))
            words = []
        else:
            words.append(part)
    return block


def _walk(block: Block) -> Iterator[list[str]]:
    for words, inner in block:
        yield words
        yield from _walk(inner or [])


def in_container(path: str) -> str:
    """A path under the container's ``/tmp``, which is a directory of its own."""
    return str(Path(tempfile.gettempdir(), path.removeprefix("/tmp/")))  # noqa: S108


class _Upstream(http.client.HTTPConnection):
    """One request to gunicorn, in HTTP 1.0 as nginx asks by default."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("gunicorn", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Handler(BaseHTTPRequestHandler):
    """Passes what the location matches on to gunicorn, and refuses the rest."""

    config: ClassVar[Config]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "nginx", ""
    wbufsize = -1

    def _serve(self) -> None:
        config = self.config
        # A refusal, too, leaves no byte of the request unread: its sender would see a broken pipe.
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.close_connection = True
        if not config.proxied.search(self.path):
            status, text = config.refusal
            self._answer(status, {"Content-Type": config.default_type}, text.encode())
        elif 0 < config.largest_body < len(body):
            self._page(413)
        else:
            self._pass_on(body)

    do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _pass_on(self, body: bytes) -> None:
        upstream = _Upstream(in_container(self.config.upstream), self.config.read_timeout)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    upstream.putheader(name, value)
            upstream.putheader("X-Forwarded-For", "127.0.0.1")
            upstream.putheader("Connection", "close")
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
            self._answer(answer.status, headers, answer.read())
        except TimeoutError:
            self._page(504)
        except (OSError, http.client.HTTPException):
            self._page(502)
        finally:
            upstream.close()

    def _page(self, status: int) -> None:
        reason = http.client.responses[status]
        text = f"<html>\r\n<head><title>{status} {reason}</title></head>\r\n</html>\r\n"
        self._answer(status, {"Content-Type": "text/html"}, text.encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = headers.get("Content-Length", len(body)) if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self._log(status, len(body))

    def _log(self, status: int, size: int) -> None:
        agent = self.headers.get("User-Agent", "-")
        moment = time.strftime("%d/%b/%Y:%H:%M:%S %z")
        line = f'127.0.0.1 - - [{moment}] "{self.requestline}" {status} {size} "-" "{agent}"\n'
        sys.stdout.write(line)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The access log is written in nginx's own form."""

    def address_string(self) -> str:
        """A socket file has no address."""
        return "127.0.0.1"


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 511

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def main() -> None:
    """``nginx -c <file>``."""
    parser = argparse.ArgumentParser(prog="nginx", description=__doc__)
    parser.add_argument("-c", type=Path, required=True, help="configuration file")
    file = parser.parse_args().c
    try:
        config = read(file.read_text())
    except ValueError as error:
        raise SystemExit(f"nginx: [emerg] {error} in {file}") from error
    Handler.config = config
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    place = in_container(f"{config.port}.sock")
    with _Server(place, Handler) as server:
        os.chmod(place, 0o600)  # noqa: PTH101
        server.serve_forever()


if __name__ == "__main__":
    main()
