"""npm itself, asked against a registry on loopback: vulnerable, clean, without data, gone."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from operations import audit, audit_npm

LOCK = Path(__file__).resolve().parents[2] / "package-lock.json"
CANARY = audit_npm.CANARY[0]


def _advisory(name: str) -> dict[str, Any]:
    return {
        "id": 1, "url": "https://example.com/1", "title": f"{name} is open", "severity": "high",
        "vulnerable_versions": ">=0.0.0", "cwe": [], "cvss": {"score": 8, "vectorString": None},
    }  # fmt: skip


@contextmanager
def registry(known: set[str]) -> Iterator[str]:
    """URL of a registry that has advisories for some packages."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self._answer({name: [_advisory(name)] for name in json.loads(body) if name in known})

        def do_GET(self) -> None:
            """The versions of a package, by which npm tells what depends on a vulnerable one."""
            name = self.path.strip("/")
            versions = {"4.17.11": {"name": name, "version": "4.17.11"}}
            self._answer({"name": name, "versions": versions, "dist-tags": {}})

        def _answer(self, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("known", "required", "code", "said"),
    [
        ({CANARY}, True, 0, "audited: npm: 1 packages, 0 vulnerable"),
        ({CANARY, "aws-cdk"}, False, 1, "vulnerable: npm aws-cdk: high (aws-cdk is open)"),
        (set(), False, 0, "not audited: npm: registry unreachable, or without"),
        (set(), True, 1, "not audited: npm: registry unreachable, or without"),
    ],
    ids=["clean", "vulnerable", "without data", "without data, required"],
)
def test_npm_is_audited_like_the_rest(
    known: set[str], required: bool, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--require"] if required else []
    with registry(known) as url:
        assert audit.main([*options, "--npm-registry", url, str(LOCK)]) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--require"], 1)])
def test_an_unreachable_registry_is_never_a_success(
    options: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry(set()) as url:
        pass
    assert audit.main([*options, "--npm-registry", url, str(LOCK)]) == code
    output = capsys.readouterr().out
    assert output.startswith("not audited: npm: registry unreachable")
    assert "\naudited:" not in output


def test_the_lock_file_is_among_what_make_audit_asks_for() -> None:
    assert LOCK in audit.LOCKS
    assert len(audit.LOCKS) > 1
