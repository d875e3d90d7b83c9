"""The contract changes, and every layer follows without a line of code.

A field ``arrival_hour_load`` is added, ``distance_miles`` gets a lower limit, ``carrier`` loses its
role as a feature, and a second classified field appears.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from config.load import Deployment
from core.contract import parse
from core.records import Invalid, Valid, pseudonymiser, validate
from glue_jobs import tables
from model_code.features import fit
from model_code.features.transform import IDENTITY, vector
from model_code.monitoring import criteria, drift
from stacks.api.request_models import record_model
from stacks.data_lake.tables import table_definitions
from stacks.training.seed_model import seed_model
from tests.support.copies import ConfigurationCopy, field, set_custom

NEW_FIELD = "arrival_hour_load"
NEW_SECRET = "crew_code"
NEW_MAXIMUM = 3000
PSEUDONYMISE = pseudonymiser(b"k" * 32)
RECORD: dict[str, Any] = {
    "flight_id": "2013-01-01T10:15Z_UA_1545_EWR",
    "event_time": "2013-01-01T10:15:00Z",
    "carrier": "UA",
    "flight_number": 1545,
    "origin": "EWR",
    "destination": "IAH",
    "departure_minute": 315,
    "arrival_minute": 510,
    "day_of_week": 2,
    "distance_miles": 1400,
}


def _change(contract: dict[str, Any]) -> None:
    contract["version"] = "2.0.0"
    contract["schema"][0]["properties"] += [
        {
            "name": NEW_FIELD,
            "logicalType": "integer",
            "required": True,
            "classification": "public",
            "description": "Scheduled arrivals in the same hour at the destination.",
            "logicalTypeOptions": {"minimum": 0, "maximum": 200},
            "examples": [12],
            "customProperties": [{"property": "mlRole", "value": "feature"}],
        },
        {
            "name": NEW_SECRET,
            "logicalType": "string",
            "classification": "restricted",
            "logicalTypeOptions": {"maxLength": 8},
            "customProperties": [{"property": "treatment", "value": "pseudonymise"}],
        },
    ]
    field(contract, "distance_miles")["logicalTypeOptions"]["maximum"] = NEW_MAXIMUM
    for key in ("mlRole", "encoding"):
        set_custom(field(contract, "carrier"), key, None)
    (monitoring,) = (p for p in contract["customProperties"] if p["property"] == "monitoring")
    monitoring["value"]["populationStabilityIndex"] = 0.1


@pytest.fixture
def before(configuration: ConfigurationCopy) -> Deployment:
    """The contract as it is."""
    return configuration.load()


@pytest.fixture
def after(before: Deployment, configuration: ConfigurationCopy) -> Deployment:
    """The contract after the change; ``before`` has been read by then."""
    configuration.change_contract(_change)
    return configuration.load()


def _check(deployment: Deployment, **values: object) -> Valid | Invalid:
    raw = json.dumps({**RECORD, **values}).encode()
    return validate(raw, deployment.contract["event"], PSEUDONYMISE)


def _spec(deployment: Deployment) -> dict[str, Any]:
    """A specification fitted on one row of each value, which is enough to see its features."""
    counts: dict[str, fit.ValueCounts] = {
        feature["name"]: {"UA": (1, 0), "EWR": (1, 1), "IAH": (2, 1)}
        for feature in deployment.contract["features"]
        if feature["encoding"] != IDENTITY
    }
    window = {"start": "2013-01-01", "end": "2013-04-01", "as_of": "2013-04-01"}
    return fit.feature_spec(deployment.contract, window, counts)


def test_compiled_document_follows(before: Deployment, after: Deployment) -> None:
    document = parse(json.dumps(after.contract))
    assert document["version"] == "2.0.0"
    names = [item["name"] for item in document["event"]["fields"]]
    assert names == [f["name"] for f in before.contract["event"]["fields"]] + [
        NEW_FIELD,
        NEW_SECRET,
    ]


def test_glue_columns_follow(before: Deployment, after: Deployment) -> None:
    """Firehose's table by the template, the curated one by the job that raises it."""
    old, new = (
        {c.name: c.glue_type for c in table.columns}
        for deployment in (before, after)
        for table in table_definitions(deployment.contract)
        if table.name == "events_stream"
    )
    assert new == old | {NEW_FIELD: "bigint", NEW_SECRET: "string"}
    raised = tables.of_record("lake", "events", after.contract["event"]).columns
    assert {NEW_FIELD, NEW_SECRET} <= set(raised.names)


def test_labels_table_stays(before: Deployment, after: Deployment) -> None:
    old, new = (
        [table for table in table_definitions(d.contract) if table.name == "labels"]
        for d in (before, after)
    )
    assert old == new


def test_validator_follows(before: Deployment, after: Deployment) -> None:
    assert isinstance(_check(before), Valid)
    missing = _check(after)
    assert isinstance(missing, Invalid)
    assert (missing.code, missing.field) == ("missing", NEW_FIELD)
    assert isinstance(_check(after, **{NEW_FIELD: 12}), Valid)

    assert isinstance(_check(before, distance_miles=NEW_MAXIMUM + 1), Valid)
    far = _check(after, **{NEW_FIELD: 12, "distance_miles": NEW_MAXIMUM + 1})
    assert isinstance(far, Invalid)
    assert (far.code, far.field) == ("out_of_range", "distance_miles")

    unknown = _check(before, **{NEW_FIELD: 12})
    assert isinstance(unknown, Invalid)
    assert unknown.code == "unknown_field"


def test_pseudonymisation_follows(after: Deployment) -> None:
    checked = _check(after, **{NEW_FIELD: 12, NEW_SECRET: "C-77"})
    assert isinstance(checked, Valid)
    assert checked.values[NEW_SECRET].startswith("p_")
    refused = _check(after, **{NEW_FIELD: 12, NEW_SECRET: "C-77-too-long"})
    assert isinstance(refused, Invalid)
    assert refused.field == NEW_SECRET
    assert "C-77" not in refused.message


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ({NEW_FIELD: 12}, (False, True)),
        ({}, (True, False)),
        ({"distance_miles": NEW_MAXIMUM + 1}, (True, False)),
        ({NEW_FIELD: 12, NEW_SECRET: "C-77"}, (False, True)),
    ],
)
def test_api_model_follows(
    values: dict[str, Any],
    accepted: tuple[bool, bool],
    before: Deployment,
    after: Deployment,
) -> None:
    for deployment, expected in zip((before, after), accepted, strict=True):
        model = jsonschema.Draft4Validator(record_model(deployment.contract))
        assert model.is_valid({**RECORD, **values}) is expected


def test_feature_list_follows(before: Deployment, after: Deployment) -> None:
    old = [feature["name"] for feature in _spec(before)["features"]]
    new = [feature["name"] for feature in _spec(after)["features"]]
    assert new == [name for name in old if name != "carrier"] + [NEW_FIELD]
    assert _spec(after)["contract_version"] == "2.0.0"
    values = vector({**RECORD, NEW_FIELD: 12}, _spec(after))
    assert len(values) == len(new)
    assert values[-1] == 12.0


def test_monitor_follows(before: Deployment, after: Deployment) -> None:
    assert criteria.limits(before.contract, None).document() != (
        criteria.limits(after.contract, None).document()
    )
    days = [f"2013-01-{day:02}" for day in range(1, 15)]
    baseline = {
        "days": days,
        "features": {
            feature["name"]: fit.category_baseline(["UA"], [[5, 1, 0]] * len(days))
            if feature["kind"] == "category"
            else fit.numeric_baseline([1.0, 2.0], [[1, 2, 3, 0]] * len(days))
            for feature in after.contract["features"]
        },
    }
    causes = {feature["name"]: feature["cause"] for feature in after.contract["features"]}
    record = {**RECORD, NEW_FIELD: 12}
    rule = criteria.limits(after.contract, None).drift
    watched = drift.examine(baseline, {"2013-04-01": [record]}, causes, rule).features
    assert NEW_FIELD in watched
    assert "carrier" not in watched


def test_seed_model_carries_the_contract(
    before: Deployment, after: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, dict[str, bytes]] = {}

    def record(name: str, entries: dict[str, bytes]) -> Path:
        seen[name] = entries
        return tmp_path

    monkeypatch.setattr("stacks.training.seed_model.archive", record)
    seed_model(after.contract)
    (entries,) = seen.values()
    assert json.loads(entries["contract.json"])["version"] == "2.0.0"
