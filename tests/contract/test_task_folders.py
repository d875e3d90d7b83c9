"""A folder of ``model_code`` that is half added is found here, and not by a job in AWS."""

from __future__ import annotations

from typing import get_args

import pytest

from model_code import algorithms, tasks
from tests.support.copies import ROOT


@pytest.mark.parametrize(
    ("room", "listed"), [("tasks", tasks.TASKS), ("algorithms", algorithms.ALGORITHMS)]
)
def test_every_folder_is_listed(room: str, listed: tuple[str, ...]) -> None:
    folders = (ROOT / "model_code" / room).glob("*/__init__.py")
    assert {path.parent.name for path in folders} == set(listed), f"model_code/{room}/__init__.py"


@pytest.mark.parametrize("name", tasks.TASKS)
def test_trees_know_every_objective_that_a_contract_may_name(name: str) -> None:
    """What they lack shows in the training job alone, an hour into a run."""
    known = algorithms.part("xgboost", "training").OBJECTIVES
    kind = tasks.part(name, "task").TASK
    gate = tasks.part(name, "contract").Properties.model_fields["gate"].annotation
    metrics = get_args(gate.model_fields["metric"].annotation)
    assert metrics
    asked = {
        (kind.NAME, kind({"label_rule": {}, "gate": {"metric": metric}}).objective.key)
        for metric in metrics
    }
    assert name == kind.NAME
    assert asked - set(known) == set(), "model_code/algorithms/xgboost/training.py: OBJECTIVES"
