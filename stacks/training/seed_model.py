"""The model that answers before any training: a constant from the contract.

Built at synth from the repository's serving code, without an ML library, into a byte-stable
``model.tar.gz`` of the same layout as a trained one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundles.archives import ROOT, archive, contract_bytes, files
from bundles.contents import serving
from core import names
from model_code.algorithms import CONSTANT
from model_code.serving.modules import ENTRY

CODE = "code/"


def serving_code(task: str) -> dict[str, bytes]:
    """Everything below ``code/`` of a seed's archive: the hooks and the modules they import."""
    return files(serving(task, CONSTANT), CODE) | {
        f"{CODE}inference.py": (ROOT / ENTRY).read_bytes()
    }


def seed_model(contract: Mapping[str, Any]) -> Path:
    """Write ``seed-model.tar.gz`` and return its path."""
    model = {"kind": CONSTANT, "output": contract["seed"]}
    return archive(
        "seed-model.tar.gz",
        {
            "model.json": (json.dumps(model) + "\n").encode(),
            names.CONTRACT_FILE: contract_bytes(contract),
            **serving_code(contract["task"]),
        },
    )
