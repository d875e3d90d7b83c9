"""Processing job: candidate and champion on the same hold-out.

Both predict the same records through their own encodings, and differences are taken row by row
before days are resampled, so the interval of a difference is a paired one. Two yardsticks that were
fitted on the candidate's own rows answer too: a champion that is poor itself proves nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from core import names
from model_code import models, tasks, yardsticks
from model_code.algorithms import CONSTANT
from model_code.evaluation import bootstrap, inputs, metrics
from model_code.features.transform import Encoder
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
        simple = yardstick_outputs(Path(directory) / "candidate", rows)
        document = compare(contract, rows, candidate, champion, seed, simple=simple)
    target = base / "output" / "evaluation"
    target.mkdir(parents=True, exist_ok=True)
    (target / names.EVALUATION_FILE).write_text(
        json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    metric = tasks.of(contract).objective.key
    value = document["difference"][metric]["value"]
    sys.stdout.write(f"holdout:rows={len(rows)} difference:{metric}={value:.6g}\n")


def yardstick_outputs(folder: Path, rows: pd.DataFrame) -> dict[str, metrics.Floats]:
    """What the candidate's yardsticks say of the hold-out; none if its archive brings none."""
    path = folder / yardsticks.FILE
    if not path.exists():
        return {}
    encoder = Encoder(json.loads((folder / names.FEATURE_SPEC_FILE).read_bytes()))
    matrix = models.held(encoder.matrix(inputs.records(rows)))
    return yardsticks.predict(json.loads(path.read_bytes()), matrix)


def compare(
    contract: dict[str, Any],
    rows: pd.DataFrame,
    candidate: Model,
    champion: Model,
    seed: int,
    *,
    simple: Mapping[str, metrics.Floats] | None = None,
) -> dict[str, Any]:
    """The document ``evaluation.json``. Differences are candidate minus the other.

    The difference to the champion has the confidence that one of a year's decisions needs, so that
    the contract's holds for the year. The seed is replaced once in a deployment's life, so that
    decision stands alone.
    """
    gate, measures = contract["gate"], tasks.measures_of(contract)
    confidence = gate["confidence"]
    decisions = 1 if champion.kind == CONSTANT else gate["decisionsPerYear"]
    of_one = bootstrap.year_confidence(confidence, decisions)
    label = rows[names.LABEL_COLUMN].to_numpy(dtype=float)
    draws = metrics.draw(inputs.event_times(rows, contract), seed)
    found = inputs.records(rows)
    evaluations, losses = [], []
    for model in (candidate, champion):
        outputs = inputs.predictions(model, found)
        one = metrics.evaluate(
            measures,
            label,
            outputs,
            draws,
            bins=contract["monitoring"]["bins"],
            confidence=confidence,
        )
        evaluations.append({"model": model.description(), **one})
        losses.append(measures.losses(label, outputs))
    difference = metrics.mean(losses[0] - losses[1], draws, of_one)
    times = rows[contract["event"]["time_field"]]
    return {
        "version": 3,
        "contract_version": contract["version"],
        "confidence": confidence,
        "decision_confidence": of_one,
        "holdout": {
            "rows": len(rows),
            "first": f"{times.min():%Y-%m-%dT%H:%M:%SZ}",
            "last": f"{times.max():%Y-%m-%dT%H:%M:%SZ}",
        },
        "candidate": evaluations[0],
        "champion": evaluations[1],
        "difference": {measures.task.objective.key: difference.document()},
        "yardsticks": {
            name: _against(losses[0], measures.losses(label, outputs), draws, confidence)
            for name, outputs in (simple or {}).items()
        },
    }


def _against(
    mine: metrics.Floats, theirs: metrics.Floats, draws: metrics.Draws, confidence: float
) -> dict[str, dict[str, float | None]]:
    """A yardstick's loss, and the candidate's less that."""
    return {
        "loss": metrics.mean(theirs, draws, confidence).document(),
        "difference": metrics.mean(mine - theirs, draws, confidence).document(),
    }
