"""Fields may have any name that the contract admits: jobs' own columns are named apart."""

from __future__ import annotations

import copy
import json
from typing import Any

import pandas as pd
import pytest

from core import names
from local import flights
from model_code.evaluation import inputs
from tests.support import spark_jobs
from tests.support.features_job import AS_OF, Run
from tests.support.spark_jobs import CONTRACT, jvm

__all__ = ["jvm"]

# Names that columns of the jobs, or of pandas code behind them, once had or have.
RENAMED = {
    "flight_id": "winner",
    "event_time": "day",
    "aircraft_engines": "label",
    "aircraft_seats": "raw_carrier",
    "aircraft_year": "fold",
    "day_of_week": "pair",
    "distance_miles": "value",
    "departure_minute": "name",
    "arrival_minute": "hour",
    "destination": "bin",
    "origin": "category",
}


def _renamed(contract: dict[str, Any]) -> dict[str, Any]:
    """The contract with other names for some fields of the event, and for the key in both."""
    text = json.dumps({key: contract[key] for key in ("event", "features")})
    for old, new in RENAMED.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    label = json.dumps(contract["label"]).replace('"flight_id"', '"winner"')
    return copy.deepcopy(contract) | json.loads(text) | {"label": json.loads(label)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The same data under the names of the contract and under others."""
    sampled = flights.sample(flights.prepare(), 0.05)
    frame = sampled[sampled["event_time"] < "2013-01-24"]
    plain, other = (tmp_path_factory.mktemp(name) for name in ("plain", "other"))
    lakes = (
        spark_jobs.write_lake(plain, frame),
        spark_jobs.write_lake(other, frame, _renamed(CONTRACT), RENAMED),
    )
    made = [Run(lake, tmp_path_factory.mktemp("run"), as_of=AS_OF) for lake in lakes]
    return made[0], made[1]


def test_no_field_can_have_the_name_of_a_working_column() -> None:
    assert names.LABEL_COLUMN.startswith(names.WORKING)
    assert not names.WORKING[0].isalpha(), "config.contract_fields wants a letter first"


@pytest.mark.parametrize("part", ["train", "validation", "holdout"])
def test_the_same_values_under_names_of_working_columns(runs: tuple[Run, Run], part: str) -> None:
    plain, other = (run.part(part) for run in runs)
    plain = plain.rename(columns=RENAMED | {f"__raw_{a}": f"__raw_{b}" for a, b in RENAMED.items()})
    order = plain["winner"].argsort()
    again = other["winner"].argsort()
    pd.testing.assert_frame_equal(
        plain.iloc[order].reset_index(drop=True), other.iloc[again].reset_index(drop=True)
    )


def test_the_holdout_is_evaluated_on_each_feature_s_own_values(runs: tuple[Run, Run]) -> None:
    """``raw_carrier`` beside ``carrier`` was silently evaluated on the other's values."""
    holdouts = [run.part("holdout") for run in runs]
    plain, other = ({one["carrier"] for one in inputs.records(rows)} for rows in holdouts)
    assert plain == other
    assert all(isinstance(carrier, str) for carrier in other)
    seats = [one["raw_carrier"] for one in inputs.records(holdouts[1])]
    assert (
        seats
        == holdouts[1]["raw_carrier"]
        .astype(object)
        .where(holdouts[1]["raw_carrier"].notna(), None)
        .tolist()
    )


def test_drift_is_measured_under_each_feature_s_own_name(runs: tuple[Run, Run]) -> None:
    plain, other = (run.document("baseline.json")["features"] for run in runs)
    assert other == {RENAMED.get(name, name): found for name, found in plain.items()}
