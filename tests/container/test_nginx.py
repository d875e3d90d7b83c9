"""The rules of nginx in front of gunicorn, read from the toolkit's own template."""

from __future__ import annotations

import http.server
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.engines.container import build, nginx
from local.engines.container.unix_http import Connection

TEMPLATE = "sagemaker_containers/etc/nginx.conf.template"


@contextmanager
def short_folder() -> Iterator[Path]:
    """pytest's own folders are too long for a socket's path."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def template(**values: str) -> str:
    text = (build.site_packages() / TEMPLATE).read_text()
    given = {"NGINX_HTTP_PORT": "8080", "NGINX_PROXY_READ_TIMEOUT": "60", **values}
    for name, value in given.items():
        text = text.replace(f"%{name}%", value)
    return text


def test_the_toolkits_template_is_understood_to_the_last_directive() -> None:
    config = nginx.read(template())
    assert (config.port, config.upstream) == ("8080", "/tmp/gunicorn.sock")
    assert config.largest_body == 0, "no limit: nginx's own default would be 1 MB"
    assert config.read_timeout == 60
    assert config.refusal == (404, "{}")
    assert config.default_type == "application/octet-stream"
    for path, passed in (("/ping", True), ("/invocations", True), ("/execution-parameters", True),
                         ("/pingpong", True), ("/", False), ("/models/ping", False)):  # fmt: skip
        assert bool(config.proxied.search(path)) is passed


def test_an_unknown_directive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(template().replace("proxy_redirect off;", "proxy_cache off;"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", nginx.__file__, "-c", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "unknown directive proxy_cache" in done.stderr


class Gunicorn(http.server.BaseHTTPRequestHandler):
    """Answers what it was asked; /ping/slow is slower than the read time-out."""

    def do_POST(self) -> None:
        if self.path.endswith("slow"):
            self.server.released.wait(20)  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("X-Seen", f"{self.request_version} {self.headers['Connection']}")
        self.send_header("X-Given", self.headers["X-Given"] or "")
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_: object) -> None:
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    released: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        """The client of a slow answer has gone."""


def listening(place: Path) -> bool:
    """Whether something answers there; a socket's file comes before its first answer."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(place)) == 0


@contextmanager
def running(folder: Path, **values: str) -> Iterator[str]:
    """nginx started by its configuration file; where its port is."""
    file = folder / "nginx.conf"
    file.write_text(template(**values))
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", nginx.__file__, "-c", str(file)],
        env={"TMPDIR": str(folder)}, stdout=subprocess.PIPE,
    )  # fmt: skip
    place = folder / "8080.sock"
    try:
        while not listening(place):
            assert process.poll() is None
        yield str(place)
    finally:
        process.kill()
        process.communicate()


def ask(place: str, path: str, body: bytes = b"x") -> tuple[int, dict[str, str], bytes]:
    status, headers, content = Connection(place, 20).exchange("POST", path, body, {"X-Given": "1"})
    return status, dict(headers), content


def test_without_gunicorn_the_gateway_is_bad() -> None:
    with short_folder() as folder, running(folder) as place:
        assert ask(place, "/ping")[0] == 502
        assert ask(place, "/other") == (404, ask(place, "/other")[1], b"{}")


def test_requests_are_passed_on_whole_and_in_http_1_0() -> None:
    body = b"a" * 20_000_000
    with short_folder() as folder:
        server = UnixServer(str(folder / "gunicorn.sock"), Gunicorn)
        server.released = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with running(folder, NGINX_PROXY_READ_TIMEOUT="1") as place:
            status, headers, answer = ask(place, "/invocations", body)
            assert (status, answer == body) == (201, True)
            assert (headers["X-Seen"], headers["X-Given"]) == ("HTTP/1.0 close", "1")
            assert ask(place, "/ping/slow")[0] == 504
        server.released.set()
        server.shutdown()
        server.server_close()
