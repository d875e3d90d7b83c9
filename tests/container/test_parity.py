"""The image's Python and packages compute what the tests' own do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core import names
from local import flights
from local.engines.container import build
from local.services.sagemaker.server import ModelServer
from model_code.features import fit, transform
from model_code.models import Model
from tests.support import containers, models
from tests.support.spark_jobs import CONTRACT

FLIGHTS = 1000
ENCODE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from model_code.features.transform import Encoder
given = json.load(sys.stdin)
rows = Encoder(given["spec"]).matrix(given["records"])
print(json.dumps([[value.hex() for value in row] for row in rows]))
"""
PREDICT = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1] + "/code")
from model_code.models import Model
model = Model(Path(sys.argv[1]))
print(json.dumps([model.fingerprint, model.predict(json.load(sys.stdin))]))
"""


def in_image(program: str, argument: Path, given: Any) -> Any:
    """What a program prints on the image's packages."""
    done = subprocess.run(
        [build.python(), "-P", "-c", program, str(argument)],
        input=json.dumps(given), capture_output=True, check=True, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_features_are_identical_to_the_last_bit(trained: Path) -> None:
    """Beside Spark's, which tests/contract/test_parity.py compares with the same encoder."""
    records = flights.events(flights.sample(flights.prepare(), 0.05).head(FLIGHTS))
    counts = {
        name: {
            value: (index + 3, index)
            for index, value in enumerate(sorted({one[name] for one in records if name in one}))
        }
        for name in (one["name"] for one in CONTRACT["features"] if one["kind"] == "category")
    }
    given = json.loads(
        json.dumps({"spec": fit.feature_spec(CONTRACT, {}, counts), "records": records})
    )
    here = transform.Encoder(given["spec"]).matrix(given["records"])
    assert len(here) == FLIGHTS
    found = in_image(ENCODE, trained / "code", given)
    assert found == [[value.hex() for value in row] for row in here]


def test_a_model_predicts_the_same_on_the_image_and_here(trained: Path) -> None:
    records = models.events(500, 9)
    fingerprint, found = in_image(PREDICT, trained, records)
    here = Model(trained)
    assert fingerprint == here.fingerprint
    assert found == pytest.approx(here.predict(records), abs=1e-6)


def test_the_server_predicts_what_the_evaluation_job_does(
    served: ModelServer, trained: Path
) -> None:
    """Both run on the image, so not even the last digit may differ."""
    records = models.events(50, 9)
    answer = containers.ask(served, json.dumps({"instances": records}))
    probabilities = [one["probability"] for one in json.loads(answer.body)["predictions"]]
    assert probabilities == in_image(PREDICT, trained, records)[1]


def test_training_on_the_image_is_deterministic(run: Path, trained: Path, tmp_path: Path) -> None:
    code, model, log = containers.train(tmp_path, run, names.PIP_ENVIRONMENT)
    assert code == 0, log[-2000:]
    for name in ("booster.ubj", "feature_spec.json", "model.json"):
        assert (model / name).read_bytes() == (trained / name).read_bytes(), name
    assert "validation:log_loss=" in log
