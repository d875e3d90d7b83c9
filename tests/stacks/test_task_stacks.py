"""Stacks of regression and of three oddly named classes: what each layer of a deployment says."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import sys
import tarfile
from pathlib import Path
from typing import Any, cast
from unittest import mock

import jsonschema
import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Template

from config.load import load_deployment
from model_code import tasks
from model_code.algorithms.linear.settings import Linear
from model_code.tasks.task import output_of
from stacks.application import build
from stacks.training.seed_model import seed_model
from tests.support.apps import new_app
from tests.support.task_contracts import CHANGES, compiled
from tests.synth import MODEL

pytestmark = pytest.mark.cdk

SYNTHESISED = ("absolute", "texts")


@functools.cache
def templates(case: str) -> dict[str, Any]:
    """Templates of dev with a case's contract, and linear models for classes."""
    deployment = dataclasses.replace(load_deployment("dev"), contract=compiled(case))
    if case == "texts":
        training = deployment.settings.training
        training = training.model_copy(update={"algorithm": Linear(name="linear", penalty=10.0)})
        settings = deployment.settings.model_copy(update={"training": training})
        deployment = dataclasses.replace(deployment, settings=settings)
    app = new_app()
    build(app, deployment)
    return {
        stack.node.id.removesuffix(f"-{MODEL}"): Template.from_stack(cast("Stack", stack)).to_json()
        for stack in app.node.children
        if stack.node.id in (f"training-{MODEL}", "api", "monitoring")
    }


@pytest.mark.parametrize("case", SYNTHESISED)
def test_the_api_s_model_of_an_answer_is_the_task_s(case: str) -> None:
    models = [
        one["Properties"]["Schema"]
        for one in templates(case)["api"]["Resources"].values()
        if one["Type"] == "AWS::ApiGateway::Model"
    ]
    (answer,) = (one for one in models if one.get("title", "").endswith("_answer"))
    task = tasks.of(compiled(case))
    told = task.answer(task.seed)
    jsonschema.Draft4Validator(answer).validate(told)
    for name in told:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft4Validator(answer).validate({**told, name: "other"})


@pytest.mark.parametrize("case", SYNTHESISED)
def test_the_dashboard_draws_the_task_s_metrics(case: str) -> None:
    text = json.dumps(templates(case)["monitoring"])
    for metric in tasks.of(compiled(case)).metrics:
        assert metric.published in text
    others = {m.published for m in tasks.of(compiled("binary")).metrics}
    others -= {m.published for m in tasks.of(compiled(case)).metrics}
    assert not any(name in text for name in others)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("absolute", {"algorithm": "xgboost", "trees": "200", "max_depth": "6",
                      "learning_rate": "0.1", "seed": "2013"}),
        ("texts", {"algorithm": "linear", "penalty": "10.0", "penalties": "4"}),
    ],
)  # fmt: skip
def test_the_training_request_names_the_algorithm(case: str, told: dict[str, str]) -> None:
    # The state machine's definition is JSON in a text of the template.
    written = json.dumps(json.dumps(told)[1:-1])[1:-1]
    assert written in json.dumps(templates(case)["training"])


@pytest.mark.parametrize("case", CHANGES)
def test_the_seed_answers_what_the_contract_says(case: str, tmp_path: Path) -> None:
    contract = compiled(case)
    with tarfile.open(seed_model(contract)) as archive:
        archive.extractall(tmp_path, filter="data")
    spec = importlib.util.spec_from_file_location("inference", tmp_path / "code/inference.py")
    assert spec is not None and spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", list(sys.path)):
        spec.loader.exec_module(hooks)
    model = hooks.model_fn(str(tmp_path))
    body = json.dumps({"instances": [{"flight_id": "a"}, {"flight_id": "b"}]})
    text, _ = hooks.transform_fn(model, body, "application/json", "application/json")
    expected = tasks.of(contract).answer(output_of(contract["seed"]))
    said = json.loads(text)["predictions"]
    assert said == [{"record_id": name, **expected} for name in ("a", "b")]


def test_seeds_of_several_tasks_share_no_bytes_of_a_task() -> None:
    for case in CHANGES:
        with tarfile.open(seed_model(compiled(case))) as archive:
            held = [name for name in archive.getnames() if "/tasks/" in name]
        task = compiled(case)["task"]
        assert {Path(name).parent.name for name in held} == {"tasks", task}
