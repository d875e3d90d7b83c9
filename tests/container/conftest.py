"""A model that the image's own stack trained, and its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core import names
from local.services.sagemaker.server import ModelServer
from tests.support import containers, models


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a features run leaves."""
    folder = tmp_path_factory.mktemp("features") / "run"
    models.write_run(folder)
    return folder


@pytest.fixture(scope="session")
def trained(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a training job with the variables of the state machine."""
    root = tmp_path_factory.mktemp("training")
    code, model, log = containers.train(root, run, names.PIP_ENVIRONMENT)
    assert code == 0, log[-2000:]
    return model


@pytest.fixture(scope="session")
def served(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """The trained model with its own serving code and the package's variables."""
    with containers.server(tmp_path_factory.mktemp("served"), trained) as running:
        yield running
