"""The platform's processes: loopback only, one per directory, and none left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.emulator import process_guard
from local.platform import ROOT, Platform, PlatformError
from tests.support.probe_stack import wait_for

LOOPBACK = {"127.0.0.1", "::1"}


def _tree(platform: Platform) -> list[psutil.Process]:
    assert platform.info is not None
    return process_guard.marked_processes(platform.info.platform_id)


def test_every_listening_socket_is_on_loopback(platform: Platform) -> None:
    listening = [
        connection.laddr
        for process in _tree(platform)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert platform.info is not None
    assert ("127.0.0.1", platform.info.port) in [tuple(address) for address in listening]
    assert {address.ip for address in listening} <= LOOPBACK


def test_plain_http_is_not_served(platform: Platform) -> None:
    assert platform.info is not None
    with socket.create_connection(("127.0.0.1", platform.info.port), timeout=5) as plain:
        plain.sendall(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(64).startswith(b"HTTP/1.1 200")


def test_a_second_platform_in_the_directory_is_refused(platform: Platform) -> None:
    with pytest.raises(PlatformError, match="already runs"):
        Platform(platform.state_dir).start()


def test_the_operator_is_an_evaluated_user_not_root(platform: Platform) -> None:
    assert platform.info is not None
    caller = platform.client("sts").get_caller_identity()
    assert caller["Arn"] == f"arn:aws:iam::{platform.info.account}:user/operator"


def test_a_wrong_secret_is_refused(platform: Platform) -> None:
    keys = platform.environment() | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    client = platform.client("s3", keys)
    with pytest.raises(client.exceptions.ClientError, match="SignatureDoesNotMatch"):
        client.list_buckets()


def _start_in_child(directory: Path) -> tuple[subprocess.Popen[bytes], Platform]:
    code = (
        "import signal, sys, time; from pathlib import Path; from local.platform import Platform\n"
        # Whoever runs the tests in the background has children that ignore SIGINT.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "Platform(Path(sys.argv[1])).start(); time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(directory)], cwd=ROOT)

    def operator_is_there() -> Platform | None:
        running = Platform.running(directory)
        if running is None or running.info is None:
            return None
        return running if running.info.access_key_id.startswith("AKIA") else None

    return child, wait_for(operator_is_there, 60, "the platform of the child")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_dead_parent_takes_the_emulator_down(tmp_path: Path, number: signal.Signals) -> None:
    child, platform = _start_in_child(tmp_path)
    assert platform.info is not None
    child.send_signal(number)
    child.wait(timeout=30)
    wait_for(lambda: not _tree(platform), 15, "the emulator's end")
    assert not platform.info.alive()


def test_a_killed_emulator_takes_its_children_down_and_is_replaced(tmp_path: Path) -> None:
    child, platform = _start_in_child(tmp_path)
    assert platform.info is not None
    marked = os.environ | {process_guard.MARK: platform.info.platform_id}
    orphan = subprocess.Popen(["sleep", "600"], env=marked, start_new_session=True)
    try:
        os.kill(platform.info.pid, signal.SIGKILL)
        assert wait_for(lambda: orphan.poll() is not None, 15, "the orphan's end")
        started = time.monotonic()
        with Platform(tmp_path) as replaced:
            assert replaced.info is not None
            assert replaced.info.platform_id != platform.info.platform_id
        assert time.monotonic() - started < 60
    finally:
        orphan.kill()
        child.kill()
        child.wait()
