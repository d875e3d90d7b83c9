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
from tests.support.records import ARRIVAL, DEPARTURE, FLIGHTS, KEY


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
