"""Pins with hashes, the audit that does not overclaim, secret detection."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from operations import audit
from tests.support.yaml_files import parsed

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.txt"))
TOOLS = Path(sys.executable).parent
PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([^ ;\\]+)")
Answer = Callable[[str, str], dict[str, Any]]


def pins(lock: Path) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by package of a lock file."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=\S)", lock.read_text().strip()):
        pin = PIN.match(block)
        assert pin, f"{lock.name}: {block.splitlines()[0]!r} is not an exact pin"
        found[pin[1]] = (pin[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block)))
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_an_exact_pin_with_hashes(lock: Path) -> None:
    """No URL, path or option: the files name packages and digests, never where to get them."""
    assert all(hashes for _, hashes in pins(lock).values())
    assert not re.search(r"://|^-|^\s*[./]|@", lock.read_text(), re.MULTILINE)


def test_what_deploys_is_what_was_tested() -> None:
    """Synth's and the layer's packages have the versions that tests and audit saw."""
    tested = pins(ROOT / "requirements-dev.txt")
    for name in ("requirements.txt", "requirements-layer.txt"):
        lock = pins(ROOT / name)
        assert lock
        assert {package: tested[package][0] for package in lock} == {
            package: version for package, (version, _) in lock.items()
        }


def test_every_installation_of_the_makefile_requires_hashes() -> None:
    recipes = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    installs = [line for line in recipes.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_npm_packages_carry_integrity() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    fetched = [package for name, package in packages.items() if name]
    assert fetched
    assert all(package["integrity"].startswith("sha512-") for package in fetched)


@contextmanager
def osv(answer: Answer) -> Iterator[str]:
    """URL of an OSV service on loopback that gives ``answer(package, version)``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            query = json.loads(self.rfile.read(length))
            body = json.dumps(answer(query["package"]["name"], query["version"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()


def vulnerable(name: str) -> dict[str, Any]:
    """An OSV answer with one vulnerability of all versions."""
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": []}
    return {"vulns": [{"id": "PYSEC-0000-1", "summary": "planted", "affected": [affected]}]}


@pytest.mark.parametrize(
    ("known", "code", "said"),
    [
        ({"jinja2"}, 0, "audited: 3 packages, 0 vulnerable"),
        ({"jinja2", "jmespath"}, 1, "vulnerable: jmespath 1.1.0: PYSEC-0000-1"),
        (set(), 0, "not audited: service unreachable, or without vulnerability data"),
    ],
    ids=["clean", "vulnerable", "service without data"],
)
def test_audit_says_what_the_service_knows(
    known: set[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with osv(lambda name, _: vulnerable(name) if name in known else {}) as url:
        assert audit.main(["--osv-url", url, "requirements-layer.txt"]) == code
    assert said in capsys.readouterr().out


def test_what_is_vulnerable_in_the_image_is_told_and_fails_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = {"jinja2", "protobuf"}
    with osv(lambda name, _: vulnerable(name) if name in known else {}) as url:
        assert audit.main(["--osv-url", url, "requirements-container.txt"]) == 0
    output = capsys.readouterr().out
    assert "vulnerable in SageMaker's image: protobuf 3.20.3: PYSEC-0000-1" in output
    assert "0 vulnerable" in output


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--require"], 1)])
def test_an_unreachable_service_is_never_a_success(
    options: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with osv(lambda *_: {}) as url:
        pass
    assert audit.main([*options, "--osv-url", url, "requirements-layer.txt"]) == code
    output = capsys.readouterr().out
    assert output.startswith("not audited: service unreachable")
    assert "\naudited:" not in output


def test_every_baselined_finding_was_judged_not_to_be_a_secret() -> None:
    found = json.loads((ROOT / ".secrets.baseline").read_text())["results"]
    assert found
    assert [item for items in found.values() for item in items if item.get("is_secret", True)] == []


PLANTED = {
    "AWS Access Key": "key = 'AKIA" + "Z7QK3VN5XW2RTB4M'",
    "Private Key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "Base64 High Entropy String": "x = '"
    + base64.b64encode(bytes(range(7, 250, 7))).decode()
    + "'",
    "nothing": "x = 'flights'",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_make_secrets_finds_a_planted_secret(kind: str, tmp_path: Path) -> None:
    """The recipe itself, in a repository that holds the baseline and one file."""
    for name in ("Makefile", ".secrets.baseline"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "settings.py").write_text(PLANTED[kind] + "\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "settings.py"], cwd=tmp_path, check=True)
    result = subprocess.run(
        ["make", "--old-file=setup", f"BIN={TOOLS}", "secrets"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode == 0) == (kind == "nothing"), result.stdout + result.stderr
    if kind != "nothing":
        assert f"Secret Type: {kind}" in result.stdout
        assert re.search(r"Location:\s+settings\.py:1\b", result.stdout)
        assert "rotate" in result.stdout


def test_hooks_are_local_and_valid() -> None:
    """No hook is fetched: the versions are those that the lock file pins."""
    path = ROOT / ".pre-commit-config.yaml"
    subprocess.run([TOOLS / "pre-commit", "validate-config", path], check=True)
    repositories = parsed(path.read_text())["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    entries = [hook["entry"].split()[0] for item in repositories for hook in item["hooks"]]
    assert all((TOOLS / Path(entry).name).exists() for entry in entries)
