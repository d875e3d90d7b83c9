"""Fixtures of the unit tests: the flights contract, one real departure, an AWS without network."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from config.contract import compile_contract, read_contract
from core import contract as contracts

FLIGHTS = Path("config/contracts/flights.odcs.yaml")
# For ``mock_aws``: keep the session of ``aws_environment``.
KEEP_SESSION: Any = {"core": {"reset_boto3_session": False}}
KEY = b"0123456789abcdef0123456789abcdef"

DEPARTURE: dict[str, Any] = {
    "flight_id": "2013-01-01T10:15Z_UA_1545_EWR",
    "event_time": "2013-01-01T10:15:00Z",
    "carrier": "UA",
    "flight_number": 1545,
    "tail_number": "N14228",
    "origin": "EWR",
    "destination": "IAH",
    "departure_minute": 315,
    "arrival_minute": 519,
    "day_of_week": 2,
    "distance_miles": 1400,
    "weather_observed_at": "2013-01-01T10:00:00Z",
    "temperature_f": 39.02,
    "dew_point_f": 28.04,
    "humidity_percent": 64.43,
    "wind_direction_degrees": 260,
    "wind_speed_mph": 12.65,
    "precipitation_inches": 0.0,
    "pressure_millibars": 1011.9,
    "visibility_miles": 10.0,
    "aircraft_year": 1999,
    "aircraft_seats": 149,
    "aircraft_engines": 2,
}
ARRIVAL: dict[str, Any] = {
    "flight_id": "2013-01-01T10:15Z_UA_1545_EWR",
    "label_time": "2013-01-01T13:30:00Z",
    "arrival_delay_minutes": 11,
}


@pytest.fixture(scope="session")
def flights_contract() -> dict[str, Any]:
    """The compiled flights contract, after a round trip through JSON as in deployment."""
    return dict(json.loads(json.dumps(compile_contract(read_contract(FLIGHTS)))))


@pytest.fixture
def departure() -> dict[str, Any]:
    """A departure that keeps the contract."""
    return copy.deepcopy(DEPARTURE)


@pytest.fixture
def arrival() -> dict[str, Any]:
    """A label that keeps the contract."""
    return copy.deepcopy(ARRIVAL)


@pytest.fixture
def pseudonym_key() -> bytes:
    """A key of the pseudonyms."""
    return KEY


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One session for all tests: it keeps the service models, which take long to load."""
    return boto3.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1"
    )


@pytest.fixture
def aws_environment(aws_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials that open nothing and a Region, so that no test reaches an account."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", aws_session)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield


@pytest.fixture
def contract_beside_code(
    flights_contract: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """``contract.json`` where a function's archive has it."""
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(flights_contract))
    monkeypatch.setattr(contracts, "BESIDE_CODE", path)
    return path
