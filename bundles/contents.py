"""Which modules each archive holds, one by one.

An archive with more than its code needs changes when something else does: a new lease would replace
the seed model. ``tests/unit/test_bundles.py`` compares each list with what its entries import.
"""

from __future__ import annotations

from lambdas import functions
from lambdas.function import VALIDATOR, Function
from model_code.algorithms import ALGORITHMS
from model_code.serving.modules import modules as serving
from model_code.tasks import TASKS

__all__ = ["FUNCTIONS", "GLUE", "TRAINING", "serving"]

_PACKAGE = "__init__"


def _modules(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in (_PACKAGE, *names))


def _tasks(*names: str) -> list[str]:
    """These modules of every task."""
    return [
        "model_code/__init__.py",
        *_modules("model_code/tasks", "task"),
        *(module for task in TASKS for module in _modules(f"model_code/tasks/{task}", *names)),
    ]


def _function(function: Function) -> list[str]:
    return [
        *(_tasks("task") if function.asks_task else []),
        *_modules("core", *function.core),
        "lambdas/__init__.py",
        *_modules("lambdas/shared", "environment", *function.shared),
        *_modules(f"lambdas/{function.name}", "environment", "handler", *function.own),
    ]


# Function → its modules; the compiled contract lies beside them.
FUNCTIONS = {name: _function(function) for name, function in functions.FUNCTIONS.items()}

# What the Glue scripts import (``--extra-py-files``), and the scripts.
GLUE = [
    *_modules("core", *VALIDATOR, "moments", "pseudonyms", "stored"),
    *_modules("glue_jobs", "arguments", "arrivals", "contents", "curate", "failed", "features",
              "files", "merge", "outcomes", "output", "rejections", "schema_evolution", "session",
              "streams", "summaries", "tables", "times", "windows"),
    *_tasks("labels", "task"),
    *_modules("model_code/features", "fit", "spark", "transform"),
]  # fmt: skip

# Training in script mode and processing jobs; a trained model takes the serving modules with it.
TRAINING = sorted({
    *(module for task in TASKS for name in ALGORITHMS for module in serving(task, name)),
    *_tasks("measures", "task"),
    *(module for name in ALGORITHMS
      for module in _modules(f"model_code/algorithms/{name}", "loading", "training")),
    "model_code/tasks/measures.py",
    *_modules("core", *VALIDATOR, "moments", "stored"),
    *_modules("model_code", "models", "yardsticks"),
    *_modules("model_code/evaluation", "bootstrap", "evaluate", "inputs", "jackknife",
              "metrics"),
    *_modules("model_code/features", "transform"),
    *_modules("model_code/monitoring", "capture", "criteria", "drift", "monitor", "quality"),
    "model_code/serving/modules.py",
    *_modules("model_code/training", "train"),
})  # fmt: skip
