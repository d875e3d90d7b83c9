"""Processing job: candidate and champion on the same hold-out.

Both predict the same records through their own encodings, and both are resampled with the same
draws of days, so the interval of their difference is a paired one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lambdas.shared import names
from model_code.evaluation import inputs, metrics
from model_code.models import Model

DRAW_SEED = 2013


def main(argv: Sequence[str], base: Path) -> None:
    """Read ``base``/input, write ``base``/output/evaluation/evaluation.json."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seed", type=int, default=DRAW_SEED)
    seed = parser.parse_args(list(argv)).seed
    contract = inputs.document(base / "input" / "contract")
    rows = inputs.holdout(base / "input" / "holdout", contract)
    with tempfile.TemporaryDirectory() as directory:
        candidate, champion = (
            inputs.model(base / "input" / role, Path(directory))
            for role in ("candidate", "champion")
        )
        document = compare(contract, rows, candidate, champion, seed)
    target = base / "output" / "evaluation"
    target.mkdir(parents=True, exist_ok=True)
    (target / names.EVALUATION_FILE).write_text(
        json.dumps(document, indent=1, allow_nan=False) + "\n"
    )
    difference = document["difference"]["log_loss"]
    sys.stdout.write(f"holdout:rows={len(rows)} difference:log_loss={difference['value']:.6g}\n")


def compare(
    contract: dict[str, Any], rows: pd.DataFrame, candidate: Model, champion: Model, seed: int
) -> dict[str, Any]:
    """The document ``evaluation.json``. Differences are candidate minus champion."""
    confidence = contract["gate"]["confidence"]
    label = rows["label"].to_numpy(dtype=float)
    draws = metrics.draw(inputs.event_times(rows, contract), seed)
    found = inputs.records(rows)
    evaluations, losses = [], []
    for model in (candidate, champion):
        probability = inputs.predictions(model, found)
        one = metrics.evaluate(
            label,
            probability,
            draws,
            bins=contract["monitoring"]["bins"],
            confidence=confidence,
        )
        evaluations.append({"model": model.description(), **one})
        losses.append(metrics.losses(label, probability))
    difference = metrics.mean(losses[0] - losses[1], draws, confidence)
    times = rows[contract["event"]["time_field"]]
    return {
        "version": 1,
        "contract_version": contract["version"],
        "confidence": confidence,
        "holdout": {
            "rows": len(rows),
            "first": f"{times.min():%Y-%m-%dT%H:%M:%SZ}",
            "last": f"{times.max():%Y-%m-%dT%H:%M:%SZ}",
        },
        "candidate": evaluations[0],
        "champion": evaluations[1],
        "difference": {"log_loss": difference.document()},
    }
