"""What a prediction means: one folder a task, and :func:`of` finds a contract's.

A folder holds ``task.py`` (standard library: labels, answers, words), ``measures.py`` (numpy:
losses, metrics, yardsticks), ``labels.py`` (Spark: the label's column) and ``contract.py``
(pydantic: what a contract says about the task). Each is imported where it is needed, so that a
function carries no numpy and a container no pydantic. No other code knows what a task predicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from model_code.tasks.task import Task

if TYPE_CHECKING:
    from model_code.tasks.measures import Measures

TASKS = ("binary", "multiclass", "regression")


def of(contract: Mapping[str, Any]) -> Task:
    """The task of a compiled contract.

    Raises:
        ValueError: there is no such task.
    """
    found: Task = part(contract["task"], "task").TASK(contract)
    return found


def measures_of(contract: Mapping[str, Any]) -> Measures:
    """How good predictions are, by the task of a compiled contract; needs numpy and scikit-learn.

    Raises:
        ValueError: there is no such task.
    """
    found: Measures = part(contract["task"], "measures").MEASURES(of(contract))
    return found


def part(task: str, module: str) -> Any:
    """One module of a task's folder.

    Raises:
        ValueError: there is no such task.
    """
    if task not in TASKS:
        raise ValueError(f"task is {task!r}; allowed: {', '.join(TASKS)}")
    return import_module(f"model_code.tasks.{task}.{module}")
