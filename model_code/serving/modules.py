"""What an endpoint's container gets: the hooks and every module that they import.

The seed model at synth and the training job in its container pack the same lists, so they stand
where both can read them. ``tests/unit/test_bundles.py`` compares them with what the hooks import.
"""

from __future__ import annotations

from model_code.algorithms import CONSTANT

ENTRY = "model_code/serving/inference.py"
ALWAYS = (
    "core/__init__.py",
    "core/checks.py",
    "core/contract.py",
    "core/names.py",
    "core/parsing.py",
    "core/texts.py",
    "model_code/__init__.py",
    "model_code/algorithms/__init__.py",
    "model_code/features/__init__.py",
    "model_code/features/transform.py",
    "model_code/models.py",
    "model_code/serving/__init__.py",
    "model_code/tasks/__init__.py",
    "model_code/tasks/task.py",
    ENTRY,
)


def modules(task: str, algorithm: str) -> tuple[str, ...]:
    """Modules that serve a model of this kind, and no other task's or algorithm's."""
    parts = [f"model_code/tasks/{task}/{name}.py" for name in ("__init__", "task")]
    if algorithm != CONSTANT:
        folder = f"model_code/algorithms/{algorithm}"
        parts += [f"{folder}/{name}.py" for name in ("__init__", "loading")]
    return tuple(sorted((*ALWAYS, *parts)))
