"""Script-mode training: an algorithm on the parts that the features job cut, for a task.

The container gives channels and places in ``SM_…`` variables and hyperparameters as arguments.
What is written to ``SM_MODEL_DIR`` becomes ``model.tar.gz``: the model, what it needs to explain
itself, and the serving code that this very training was shipped with.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core import names
from core.checks import LARGEST_NUMBER
from model_code import algorithms, models, tasks, yardsticks
from model_code.evaluation.jackknife import Floats
from model_code.serving.modules import ENTRY, modules

ROOT = Path(__file__).resolve().parents[2]
LABEL = names.LABEL_COLUMN


def main(argv: Sequence[str] | None = None) -> None:
    """Train from the container's environment."""
    run, target = Path(os.environ["SM_CHANNEL_RUN"]), Path(os.environ["SM_MODEL_DIR"])
    contract = json.loads((run / names.CONTRACT_FILE).read_bytes())
    algorithm, training = _training(sys.argv[1:] if argv is None else argv, contract)
    spec = json.loads((run / names.FEATURE_SPEC_FILE).read_bytes())
    features = [feature["name"] for feature in spec["features"]]
    parts = {
        part: load(Path(os.environ[f"SM_CHANNEL_{part.upper()}"]), contract)
        for part in ("train", "validation")
    }
    known = {part: arrays(rows, features) for part, rows in parts.items()}
    for part, (_, label) in known.items():
        check_labels(part, label, tasks.measures_of(contract).places)
    found = training.search(known["train"], known["validation"])
    for part, (matrix, label) in known.items():
        outputs = training.outputs(found, matrix)
        _report(part, contract, label, outputs, training.described(found))
    matrix, label = arrays(pd.concat(parts.values()), features)
    target.mkdir(parents=True, exist_ok=True)
    training.save(training.fit((matrix, label), found), target)
    save(algorithm, contract, run, target)
    simple = yardsticks.fit(tasks.measures_of(contract), matrix, label)
    (target / yardsticks.FILE).write_text(json.dumps(simple, allow_nan=False) + "\n")


def _training(argv: Sequence[str], contract: dict[str, Any]) -> tuple[str, Any]:
    """Name and training of the algorithm that the job's hyperparameters name."""
    first = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, add_help=False)
    first.add_argument("--algorithm", choices=algorithms.ALGORITHMS, default="xgboost")
    name: str = first.parse_known_args(list(argv))[0].algorithm
    module = algorithms.part(name, "training")
    parser = argparse.ArgumentParser(parents=[first], allow_abbrev=False)
    module.add_arguments(parser)
    arguments, _ = parser.parse_known_args(list(argv))
    return name, module.Training(tasks.of(contract), vars(arguments))


def load(folder: Path, contract: dict[str, Any]) -> pd.DataFrame:
    """One part, in the order of event time and id.

    Sums of gradients depend on the order of rows, and Spark promises none. A value that a 32-bit
    float cannot hold becomes missing, and is counted in the log: it would end the training.
    """
    event, features = contract["event"], [feature["name"] for feature in contract["features"]]
    rows = pd.read_parquet(folder)
    held = models.held(rows[features])
    lost = int((np.isnan(held) & rows[features].notna().to_numpy()).sum())
    if lost:
        sys.stdout.write(f"{folder.name}: {lost} values beyond 32-bit floats count as missing\n")
        rows[features] = held
    return rows.sort_values([event["time_field"], event["id_field"]], ignore_index=True)


def arrays(rows: pd.DataFrame, features: Sequence[str]) -> tuple[Floats, Floats]:
    """Matrix (n x features, NaN for missing) and label (n)."""
    return rows[list(features)].to_numpy(float), rows[LABEL].to_numpy(float)


def check_labels(part: str, label: Floats, places: int | None) -> None:
    """Refuse, for every task and algorithm alike, what no library says as clearly, or at all.

    A features run never has it: its rows have labels, of classes the places of known ones, of
    numbers what the validator took, and the gate asks for rows of each part. A folder that
    something else wrote may.

    Raises:
        ValueError: there are no rows, or labels that are none of the task.
    """
    if not len(label):
        raise ValueError(f"{part} has no rows; allowed: at least one")
    if places is None:
        good, allowed = np.abs(label) <= LARGEST_NUMBER, "numbers that a 32-bit float holds"
    else:
        good, allowed = np.isin(label, np.arange(places)), f"whole numbers from 0 to {places - 1}"
    wrong = label[~good]
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(label)} labels of {part} are none of the task, the first is "
            f"{wrong[0]:.17g}; allowed: {allowed}"
        )


def _report(
    part: str, contract: dict[str, Any], label: Floats, outputs: Floats, described: str
) -> None:
    """Print what the training job's metric definitions look for."""
    measures = tasks.measures_of(contract)
    metrics = {
        "rows": len(label),
        measures.task.objective.key: float(measures.losses(label, outputs).mean()),
        **measures.told(label, outputs),
    }
    line = " ".join(f"{part}:{name}={value:.6g}" for name, value in metrics.items())
    sys.stdout.write(f"{line} {described}\n")


def save(algorithm: str, contract: dict[str, Any], run: Path, target: Path) -> None:
    """What ``model.tar.gz`` holds beside what the algorithm saved."""
    (target / models.MODEL_FILE).write_text(json.dumps({"kind": algorithm}) + "\n")
    for name in (names.FEATURE_SPEC_FILE, names.BASELINE_FILE, names.CONTRACT_FILE):
        shutil.copyfile(run / name, target / name)
    code = target / "code"
    for name in modules(contract["task"], algorithm):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, code / name)
    shutil.copyfile(ROOT / ENTRY, code / Path(ENTRY).name)


if __name__ == "__main__":
    main()
