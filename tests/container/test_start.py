"""The pip step at start: what it needs, and that it stays in its container."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import names
from local.engines import process
from local.engines.container import build, overlay
from local.engines.process import JobDirectory
from local.services.sagemaker.server import ServerError
from tests.support import containers
from tests.support.containers import ask, hooks, server

# What the variables were before the image's pip was tried without an index.
WITHOUT = {k: v for k, v in names.MODEL_ENVIRONMENT.items() if not k.startswith("PIP_")}
NEEDS_INDEX = "No matching distribution found for setuptools"
NAMED = """
def model_fn(d): return {name!r}
def transform_fn(model, *rest): return model, "text/plain"
"""

USES_BOTH = """
import sys
import boto3
import boto3.session
import numpy
from boto3 import client
def loaded(): return "numpy.f2py.crackfortran" in sys.modules
BEFORE = loaded()
def model_fn(d):
    s3 = client("s3", region_name="eu-west-1")
    return repr((s3.meta.region_name, BEFORE, numpy.f2py.get_include.__name__, loaded()))
def transform_fn(model, *rest): return model, "text/plain"
"""
NEVER_USES = """
import sys
import boto3
def model_fn(d): return repr(("botocore" in sys.modules, "numpy.f2py.crackfortran" in sys.modules))
def transform_fn(model, *rest): return model, "text/plain"
"""


@pytest.mark.parametrize(
    "variables",
    [
        WITHOUT,
        {**WITHOUT, "PIP_NO_INDEX": "1"},
        {**names.MODEL_ENVIRONMENT, "PIP_NO_BUILD_ISOLATION": "1"},
    ],
    ids=["old shape", "index off only", "the value 1 leaves isolation on"],
)
def test_a_server_whose_pip_builds_in_isolation_does_not_start(
    variables: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ServerError), server(tmp_path, hooks("x = 1"), variables):
        pass
    assert NEEDS_INDEX in (tmp_path / "ml.log").read_text()


def test_a_training_job_whose_pip_builds_in_isolation_fails(run: Path, tmp_path: Path) -> None:
    code, model, log = containers.train(tmp_path, run, {})
    assert code == 1
    assert NEEDS_INDEX in log
    assert not list(model.iterdir())
    failure = (tmp_path / "ml" / "output" / "failure").read_text()
    assert failure.startswith("InstallModuleError:")


def test_a_program_that_fails_is_told_in_the_failure_file(run: Path, tmp_path: Path) -> None:
    from bundles.archives import archive

    source = archive("failing.tar.gz", {"train.py": b"raise SystemExit('the rows are gone')"})
    code, _, log = containers.train(tmp_path, run, names.PIP_ENVIRONMENT, source)
    assert code == 1
    assert "the rows are gone" in log
    failure = (tmp_path / "ml" / "output" / "failure").read_text()
    assert failure.startswith("ExecuteUserScriptError:\nCommand")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (USES_BOTH, "('eu-west-1', False, 'get_include', True)"),
        (NEVER_USES, "(False, False)"),
    ],
    ids=["used", "not used"],
)
def test_what_a_model_may_use_is_loaded_when_it_does(
    code: str, answer: str, tmp_path: Path
) -> None:
    """Packages that the toolkit imports and a server does not need cost its start nothing."""
    with server(tmp_path, hooks(code)) as running:
        assert ask(running, b"").body.decode() == answer


def test_training_leaves_no_success_file(run: Path, trained: Path) -> None:
    """The image's entry ends the process before the toolkit writes one."""
    output = trained.parent / "output"
    assert not (output / "success").exists()
    assert not (output / "failure").exists()


def test_containers_with_modules_of_one_name_do_not_meet(tmp_path: Path) -> None:
    shared = sorted(path.name for path in build.site_packages().iterdir())

    def answer(name: str) -> str:
        with server(tmp_path / name, hooks(NAMED.format(name=name))) as running:
            return ask(running, b"").body.decode()

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(answer, ("one", "two"))) == ["one", "two"]
    assert sorted(path.name for path in build.site_packages().iterdir()) == shared


def test_a_stopped_container_leaves_nothing(tmp_path: Path) -> None:
    with server(tmp_path, hooks(NAMED.format(name="one"))) as running:
        assert running.socket is not None
        place = Path(running.socket).parent
        assert running.socket.endswith("8080.sock")
        assert place.stat().st_mode & 0o077 == 0, "other users reach no port"
    assert not place.exists()
    assert not running.directory.overlay.exists()


PROGRAM = """
import json, os, sys, distutils.util, requests, numpy, pandas, xgboost
try:
    requests.get("https://index.invalid/simple/", timeout=5)
    reached = "something"
except requests.exceptions.ProxyError as error:
    reached = "nothing"
print(json.dumps({"prefix": sys.prefix, "reached": reached, "path": sys.path,
    "versions": [m.__version__ for m in (numpy, pandas, xgboost)], "home": os.environ["HOME"],
    "module": os.environ["SAGEMAKER_TRAINING_MODULE"], "model": os.environ["SM_MODEL_DIR"]}))
"""


def test_a_process_sees_the_image_and_nothing_outside(tmp_path: Path) -> None:
    directory = JobDirectory(tmp_path / "ml")
    directory.base.mkdir()
    container = overlay.create(directory.overlay)
    done = subprocess.run(
        [container.python, "-c", PROGRAM],
        env=process.container_environment(directory, container),
        cwd=directory.base, capture_output=True, check=True, text=True,
    )  # fmt: skip
    container.remove()
    seen = json.loads(done.stdout)
    assert seen["prefix"] == str(directory.overlay)
    assert seen["reached"] == "nothing"
    assert seen["versions"] == ["2.1.0", "2.2.3", "3.2.0"]
    assert seen["module"] == "sagemaker_xgboost_container.training:main"
    assert (seen["home"], seen["model"]) == (str(directory.base), str(directory.base / "model"))
    assert not [
        p for p in seen["path"] if p == str(build.ROOT) or p.startswith(f"{build.ROOT}/.venv")
    ]


def test_sockets_have_a_short_path_wherever_the_platform_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    container = overlay.create(tmp_path / "environment")
    assert len(str(container.temporary / "gunicorn.sock")) <= overlay.LONGEST_SOCKET
    container.remove()
    assert not list(deep.iterdir())


def test_a_program_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    """As when another thread starts a process that has the file open until it is loaded."""
    program = tmp_path / "serve"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    writer = program.open("a")
    closing = threading.Timer(0.3, writer.close)
    closing.start()
    with (tmp_path / "log").open("ab") as log:
        started = process.start(
            [str(program)], tmp_path, {"PATH": os.environ["PATH"]}, log.fileno()
        )
    closing.join()
    assert started.wait(10) == 7
    process.forget(started)
