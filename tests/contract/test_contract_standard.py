"""The contract is one that the rest of the field can read: ODCS's own schema accepts it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from tests.support.copies import ROOT
from tests.support.yaml_files import parsed

CONTRACTS = sorted((ROOT / "config" / "contracts").glob("*.odcs.yaml"))


def _official() -> dict[str, Any]:
    text = files("open_data_contract_standard").joinpath("schema.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    return schema


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_contract_satisfies_the_official_json_schema(path: Any) -> None:
    data = parsed(path.read_text())
    validator = jsonschema.validators.validator_for(_official())(_official())
    assert [error.message for error in validator.iter_errors(data)] == []


def test_the_official_schema_would_notice() -> None:
    data = parsed(CONTRACTS[0].read_text())
    data["schema"][0]["properties"][0]["logicalType"] = "text"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, _official())


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_contract_survives_the_models_unchanged(path: Any) -> None:
    contract = OpenDataContractStandard.from_file(str(path))
    written = parsed(contract.to_yaml())
    assert written == parsed(path.read_text())
