"""A linear model of three oddly named classes, trained and served on the image's own packages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core import names
from model_code import tasks
from model_code.algorithms.linear.settings import Linear
from model_code.models import Model
from tests.support import containers, task_worlds
from tests.support.containers import ask, server
from tests.support.task_contracts import compiled


def test_a_linear_model_is_trained_by_its_request_and_answers(tmp_path: Path) -> None:
    task_worlds.write_run("texts", tmp_path / "run")
    told = Linear(name="linear", penalty=10.0, penalties=2).arguments()
    code, folder, log = containers.train(
        tmp_path / "job", tmp_path / "run", names.PIP_ENVIRONMENT, chosen=told
    )
    assert code == 0, log
    assert "validation:log_loss=" in log
    model = Model(folder)
    assert model.kind == "linear"
    assert json.loads((folder / "linear.json").read_bytes())["penalty"] in (10.0, 100.0)
    contract = compiled("texts")
    found = task_worlds.records(task_worlds.between("window"), contract)[:20]
    with server(tmp_path / "server", folder) as running:
        answer = ask(running, json.dumps({"instances": found}))
    assert answer.status == 200
    said = json.loads(answer.body)
    assert said["model"] == model.description()
    task = tasks.of(contract)
    outputs = [task.read(one) for one in said["predictions"]]
    assert np.allclose(outputs, model.predict(found), rtol=0, atol=1e-12)
