"""The same commit gives the same bytes: two fresh processes, other hash seeds, no network.

One of the two made what all tests read (``tests.synth``): as people synthesise, network and all.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.synth import ENVIRONMENTS, assembly, synthesise

# Refuses every connection of the Python side, then runs the app as the CLI would.
_WITHOUT_SOCKETS = """
import runpy, socket
def refused(*_args, **_kwargs):
    raise OSError("synth opened a network connection")
socket.socket.connect = socket.socket.connect_ex = refused
socket.getaddrinfo = socket.create_connection = refused
runpy.run_path("app.py", run_name="__main__")
"""
_BLOCK_NODE = Path(__file__).with_name("block_network.js")
# Holds stack traces and local paths of constructs, for the CLI's own use; never deployed.
_NOT_DEPLOYED = {"tree.json", "manifest.json", "validation-report.json"}


def _digests(assembly: Path) -> dict[str, str]:
    """Digest of each file that is deployed."""
    return {
        path.relative_to(assembly).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(assembly.rglob("*"))
        if path.is_file()
        and path.name not in _NOT_DEPLOYED
        and not path.name.endswith(".metadata.json")
    }


@pytest.mark.parametrize("environment", [e for e in ENVIRONMENTS if e != "demo"])
def test_two_fresh_processes_write_the_same_bytes(environment: str, tmp_path: Path) -> None:
    extra = {
        "PYTHONHASHSEED": "4711",
        "TZ": "Asia/Kathmandu",
        "NODE_OPTIONS": f"--require {_BLOCK_NODE}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    synthesise(environment, tmp_path, extra=extra, command=("-c", _WITHOUT_SOCKETS))
    first = _digests(assembly(environment))
    assert any(name.endswith(".template.json") for name in first)
    assert first == _digests(tmp_path)


@pytest.mark.parametrize(
    ("program", "node"),
    [
        ("import urllib.request; urllib.request.urlopen('http://127.0.0.1:8009')", False),
        ("import subprocess; subprocess.run(['node', '-e', \"fetch('http://127.0.0.1:8009')"
         ".catch(e => { console.error(e.cause ?? e); process.exit(1) })\"], check=True)", True),
    ],
)  # fmt: skip
def test_the_block_would_be_noticed(program: str, node: bool, tmp_path: Path) -> None:
    blocked = _WITHOUT_SOCKETS.replace('runpy.run_path("app.py", run_name="__main__")', program)
    extra = {"NODE_OPTIONS": f"--require {_BLOCK_NODE}"}
    with pytest.raises(AssertionError, match="opened a network connection"):
        synthesise("dev", tmp_path, extra=extra, command=("-c", blocked))
