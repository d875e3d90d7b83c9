"""What an endpoint's container gets: the hooks and every module that they import.

The seed model at synth and the training job in its container pack the same list, so it stands
where both can read it. ``tests/unit/test_bundles.py`` compares it with what the hooks import.
"""

ENTRY = "model_code/serving/inference.py"
MODULES = (
    "core/__init__.py",
    "core/checks.py",
    "core/contract.py",
    "core/names.py",
    "core/parsing.py",
    "core/texts.py",
    "model_code/__init__.py",
    "model_code/features/__init__.py",
    "model_code/features/transform.py",
    "model_code/models.py",
    "model_code/serving/__init__.py",
    ENTRY,
)
