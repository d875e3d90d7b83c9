"""A model trained through the program that runs in SageMaker."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from model_code import tasks
from model_code.algorithms.xgboost.training import Training
from model_code.training import train
from tests.support.spark_jobs import CONTRACT

CHOSEN = {
    "trees": 200, "max_depth": 6, "learning_rate": 0.1, "seed": 2013, "threads": 2, "patience": 20,
}  # fmt: skip


def xgboost_training(**chosen: int) -> Training:
    """Trees for the flights' task."""
    return Training(tasks.of(CONTRACT), {**CHOSEN, **chosen})


def fit(run: Path, target: Path, *arguments: str) -> None:
    environment = {
        "SM_CHANNEL_TRAIN": str(run / "train"),
        "SM_CHANNEL_VALIDATION": str(run / "validation"),
        "SM_CHANNEL_RUN": str(run),
        "SM_MODEL_DIR": str(target),
    }
    with mock.patch.dict(os.environ, environment):
        train.main(["--threads", "1", *arguments, "--sagemaker_program", "train.py"])
