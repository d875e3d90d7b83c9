"""Containers without a platform: a training job and a model server on the image's packages."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from bundles.archives import source_bundle
from core import names
from local.engines import process
from local.engines.container import overlay
from local.engines.process import JobDirectory
from local.engines.roles import RoleSession
from local.services.sagemaker.models import Container
from local.services.sagemaker.server import Answer, ModelServer

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
JSON = "application/json"


class NoAws:
    """The session of a role that is never used."""

    def environment(self) -> dict[str, str]:
        return {"AWS_REGION": "eu-west-1"}


@contextmanager
def server(
    root: Path, files: Mapping[str, str] | Path, environment: Mapping[str, str] | None = None
) -> Iterator[ModelServer]:
    """A started server; ``files`` is what model.tar.gz holds."""
    directory = JobDirectory(root / "ml")
    model = directory.base / "model"
    if isinstance(files, Path):
        shutil.copytree(files, model)
    else:
        for name, text in files.items():
            (model / name).parent.mkdir(parents=True, exist_ok=True)
            (model / name).write_text(text)
    variables = names.MODEL_ENVIRONMENT if environment is None else environment
    container = Container(IMAGE, None, True, variables)
    running = ModelServer(container, cast(RoleSession, NoAws()), directory)
    try:
        running.start(None)
        yield running
    finally:
        running.stop()


def ask(running: ModelServer, body: bytes | str, **headers: str) -> Answer:
    """One invocation; ``content_type="text/csv"`` becomes the header."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body.encode() if isinstance(body, str) else body
    return running.invoke(data, {"Content-Type": JSON, **given})


def hooks(code: str) -> dict[str, str]:
    """A model archive with these hooks."""
    return {"code/inference.py": code}


def train(
    root: Path,
    run: Path,
    environment: Mapping[str, str],
    source: Path | None = None,
    chosen: Mapping[str, str] | None = None,
) -> tuple[int, Path, str]:
    """Exit code, model folder and log of a training job on ``run``'s parts.

    ``chosen`` are an algorithm's own hyperparameters; a few trees otherwise.
    """
    directory = JobDirectory(root / "ml")
    base = directory.base
    config = base / "input" / "config"
    config.mkdir(parents=True)
    for channel in ("train", "validation"):
        shutil.copytree(run / channel, base / "input" / "data" / channel)
    shutil.copytree(run, base / "input" / "data" / "run")
    parameters: dict[str, Any] = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": str(source or source_bundle()),
        **(chosen or {"trees": "20"}),
    }
    channels = {name: {"TrainingInputMode": "File"} for name in ("train", "validation", "run")}
    resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
    documents = {
        "hyperparameters": parameters,
        "inputdataconfig": channels,
        "resourceconfig": resources,
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document))
    for folder in ("model", "output/data"):
        (base / folder).mkdir(parents=True)
    container = overlay.create(directory.overlay)
    try:
        with directory.log.open("wb") as log:
            done = subprocess.run(
                [container.root / "bin" / "train"],
                cwd=base, stdout=log, stderr=subprocess.STDOUT, check=False,
                env={**process.container_environment(directory, container), **environment},
            )  # fmt: skip
    finally:
        container.remove()
    return done.returncode, base / "model", directory.log.read_text()
