"""What `make local` deploys, and what it tells its user to try."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from config.load import load_deployment
from core import records
from local.cli import api_urls, app, calls
from local.platform import ROOT, Platform

CONTRACT = load_deployment("demo").contract


def _recipe(*arguments: str, **variables: str) -> str:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    done = subprocess.run(
        ["make", "--dry-run", "local", *arguments],
        cwd=ROOT, env=environment | variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_make_local_deploys_the_settings_of_env() -> None:
    assert "local.cli up --env demo\n" in _recipe()
    assert "local.cli up --env prod\n" in _recipe("ENV=prod")
    assert "local.cli up --env dev\n" in _recipe(ENV="dev")


def test_settings_that_do_not_exist_are_refused_before_anything_starts() -> None:
    result = CliRunner().invoke(app, ["up", "--env", "staging"])
    assert result.exit_code == 1
    assert "allowed: demo, dev, prod" in " ".join(result.output.split())


def test_the_prediction_to_try_has_a_body_that_the_contract_takes() -> None:
    _, line = calls("https://localhost:1/api/v1", "eu-west-1", CONTRACT)
    words = shlex.split(line)
    assert words[-1] == "https://localhost:1/api/v1/predictions"
    event = records.compiled(CONTRACT["event"])
    found = event.check(json.loads(words[words.index("-d") + 1]), lambda _value: "p_")
    assert isinstance(found, records.Valid)


@pytest.mark.platform
@pytest.mark.skipif(shutil.which("curl") is None, reason="the lines to try call curl")
def test_the_lines_to_try_are_answered(demo_deployment: Platform) -> None:
    assert demo_deployment.info is not None
    (url,) = api_urls(demo_deployment).values()
    lines = calls(f"{url}/flights", demo_deployment.info.region, CONTRACT)
    environment = os.environ | demo_deployment.environment()
    health, prediction = (
        json.loads(subprocess.check_output(["bash", "-c", line], env=environment)) for line in lines
    )
    assert CONTRACT["version"] in json.dumps(health)
    assert 0 <= prediction["probability"] <= 1
