"""The gates: every reason, and no promotion by accident."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from config.contract import compile_contract, read_contract
from core.contract import Contract
from lambdas.gate import handler as functions
from lambdas.gate.logic import decide, quality
from lambdas.shared.errors import BadRequestError
from tests.support.records import FLIGHTS, KEEP_SESSION

CONTRACT = cast(Contract, compile_contract(read_contract(FLIGHTS)))
STATISTICS: dict[str, Any] = {
    "version": 1,
    "contract_version": "1.0.0",
    "rows": {"events": 5300, "labelled": 5000, "train": 3500, "validation": 750, "holdout": 750},
    "labels": {
        part: {"positives": count}
        for part, count in {"train": 800, "validation": 170, "holdout": 160}.items()
    },
    "nulls": {feature["name"]: 0.1 for feature in CONTRACT["features"]},
}
MODEL: dict[str, Any] = {
    "log_loss": {"value": 0.5, "low": 0.48, "high": 0.52},
    "auc": {"value": 0.68, "low": 0.64, "high": 0.71},
    "calibration_error": {"value": 0.02, "low": 0.01, "high": 0.03},
    "rows": 750,
    "blocks": 13,
    "roc": [[0, 0], [1, 1]],
}


def _evaluation(value: float, low: float, high: float, rows: int = 750) -> dict[str, Any]:
    return {
        "candidate": {**MODEL, "rows": rows},
        "champion": copy.deepcopy(MODEL),
        "difference": {"log_loss": {"value": value, "low": low, "high": high}},
    }


def test_good_data_passes() -> None:
    assert quality(CONTRACT, STATISTICS) == {"passed": True, "reasons": []}


def test_every_fault_of_the_data_is_named() -> None:
    statistics = copy.deepcopy(STATISTICS)
    statistics["contract_version"] = "0.9.0"
    statistics["rows"] |= {"train": 999, "holdout": 199, "validation": 0}
    statistics["labels"] |= {
        "train": {"positives": 999}, "holdout": {"positives": 0}, "validation": {"positives": 0},
    }  # fmt: skip
    statistics["nulls"]["distance_miles"] = 1.0
    del statistics["nulls"]["carrier"]
    answer = quality(CONTRACT, statistics)
    assert answer == {
        "passed": False,
        "reasons": [
            "features follow contract 0.9.0; deployed is 1.0.0",
            "train has 999 labelled rows; at least 1000 are needed",
            "validation has 0 labelled rows; at least 1 are needed",
            "holdout has 199 labelled rows; at least 200 are needed",
            "train has 999 positives in 999 rows; both classes are needed",
            "holdout has 0 positives in 199 rows; both classes are needed",
            "feature carrier has no value in the train part",
            "feature distance_miles has no value in the train part",
        ],
    }


def test_a_hold_out_of_a_few_days_decides_nothing() -> None:
    evaluation = _evaluation(-0.02, -0.03, -0.01)
    evaluation["candidate"]["blocks"] = 6
    answer = decide(CONTRACT, evaluation)
    assert not answer["promote"]
    assert "hold-out has 6 days; at least 7 needed" in answer["reasons"]


@pytest.mark.parametrize(
    ("constant", "linear", "promote"),
    [
        (-0.05, (-0.01, -0.02), True),
        (-0.05, (0.01, -0.01), True),
        (-0.05, (0.03, 0.01), False),
        (0.0, (-0.01, -0.02), False),
        (math.nan, (-0.1, -0.2), False),
        (-0.05, (math.nan, math.nan), False),
    ],
)
def test_yardsticks_are_asked_too(
    constant: float, linear: tuple[float, float], promote: bool
) -> None:
    """The constant must be beaten, the linear model only not be surely better."""
    evaluation = _evaluation(-0.02, -0.03, -0.01)
    evaluation["yardsticks"] = {
        name: {
            "loss": {"value": 0.5},
            "difference": {"value": value, "low": low, "high": 2 * value - low},
        }
        for name, value, low in (("constant", constant, constant - 0.01), ("linear", *linear))
    }
    answer = decide(CONTRACT, evaluation)
    assert answer["promote"] is promote
    assert answer["yardsticks"] == evaluation["yardsticks"]
    said = "; ".join(answer["reasons"])
    assert ("better than the champion" in said) is promote
    assert "on the same rows" in said, "the gate says how the yardsticks stand"


def test_a_clear_improvement_is_promoted_with_its_numbers() -> None:
    answer = decide(CONTRACT, _evaluation(-0.02, -0.03, -0.01))
    assert answer["promote"]
    assert "-0.0200" in answer["reasons"][0]
    assert answer["candidate"]["auc"]["value"] == 0.68
    assert "roc" not in answer["candidate"]


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        (_evaluation(-0.02, -0.05, 0.001), "interval must lie below zero"),
        (_evaluation(-0.02, -0.05, 0.0), "interval must lie below zero"),
        (_evaluation(0.01, -0.01, -0.001), "must fall by at least"),
        (_evaluation(-0.02, -0.03, -0.01, rows=199), "hold-out has 199 rows"),
        (_evaluation(math.nan, math.nan, math.nan), "must fall by at least"),
    ],
)
def test_anything_less_is_not(evaluation: dict[str, Any], words: str) -> None:
    answer = decide(CONTRACT, evaluation)
    assert not answer["promote"]
    assert words in " ".join(answer["reasons"])


def test_a_holdout_of_one_day_has_no_interval_and_promotes_nothing() -> None:
    evaluation = _evaluation(-0.05, -0.06, -0.04)
    evaluation["difference"]["log_loss"] |= {"low": None, "high": None}
    del evaluation["candidate"]["blocks"]
    absent = {"value": -0.01, "low": None, "high": None}
    evaluation["yardsticks"] = {"linear": {"loss": absent, "difference": absent}}
    answer = decide(CONTRACT, evaluation)
    assert not answer["promote"]
    assert answer["reasons"] == [
        "log_loss changes by -0.0500 (no interval: too few days); the interval must lie below zero",
        "against a logistic regression on the same features on the same rows: "
        "-0.0100 (no interval: too few days)",
    ]


def test_the_margin_is_the_contracts() -> None:
    contract = copy.deepcopy(CONTRACT)
    contract["gate"]["margin"] = 0.05
    assert not decide(contract, _evaluation(-0.02, -0.03, -0.01))["promote"]


@given(st.floats(), st.floats(), st.floats())
def test_only_an_interval_below_zero_promotes(value: float, low: float, high: float) -> None:
    promoted = decide(CONTRACT, _evaluation(value, low, high))["promote"]
    assert promoted == (value <= 0 and high < 0)


@pytest.fixture
def deployed(
    aws_environment: None, contract_beside_code: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setenv("MILLRACE_FEATURES_BUCKET", "features")
    monkeypatch.setenv("MILLRACE_ARTIFACTS_BUCKET", "artifacts")
    monkeypatch.setenv("MILLRACE_MODEL", "late")
    with mock_aws(config=KEEP_SESSION):
        client = boto3.client("s3")
        for bucket in ("features", "artifacts"):
            place: Any = {"LocationConstraint": "eu-west-1"}
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        functions._environment.cache_clear()
        functions._s3.cache_clear()
        yield client
        functions._environment.cache_clear()
        functions._s3.cache_clear()


SNAPSHOTS = {"events": "8141573262213092372", "labels": "17"}


def test_the_handler_reads_the_runs_documents(deployed: Any) -> None:
    deployed.put_object(
        Bucket="features",
        Key="runs/late/r1/statistics.json",
        Body=json.dumps(STATISTICS | {"snapshots": SNAPSHOTS}),
    )
    deployed.put_object(
        Bucket="artifacts",
        Key="evaluations/late/r1/evaluation.json",
        Body=json.dumps(_evaluation(-0.1, -0.2, -0.05)),
    )
    quality = functions.handler({"operation": "quality", "run_id": "r1"}, None)
    assert (quality["passed"], quality["snapshots"]) == (True, SNAPSHOTS)
    assert functions.handler({"operation": "decide", "run_id": "r1"}, None)["promote"]
    with pytest.raises(BadRequestError):
        functions.handler({"operation": "guess", "run_id": "r1"}, None)
    with pytest.raises(Exception, match="NoSuchKey"):
        functions.handler({"operation": "decide", "run_id": "r2"}, None)


def test_a_broken_document_names_its_place(deployed: Any) -> None:
    deployed.put_object(Bucket="features", Key="runs/late/r1/statistics.json", Body=b"{")
    with pytest.raises(ValueError, match=r"s3://features/runs/late/r1/.* is not JSON"):
        functions.handler({"operation": "quality", "run_id": "r1"}, None)
