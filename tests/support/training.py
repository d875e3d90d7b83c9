"""A model trained through the program that runs in SageMaker."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from model_code.training import train


def fit(run: Path, target: Path, *arguments: str) -> None:
    environment = {
        "SM_CHANNEL_TRAIN": str(run / "train"),
        "SM_CHANNEL_VALIDATION": str(run / "validation"),
        "SM_CHANNEL_RUN": str(run),
        "SM_MODEL_DIR": str(target),
    }
    with mock.patch.dict(os.environ, environment):
        train.main(["--threads", "1", *arguments, "--sagemaker_program", "train.py"])
