"""A copy of the repository's configuration that a test may change and load."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.load import Deployment, load_deployment
from config.problems import ConfigurationError, Problem
from tests.support.yaml_files import parsed

ROOT = Path(__file__).parents[2]
CONTRACT = "config/contracts/flights.odcs.yaml"


@dataclass(frozen=True)
class ConfigurationCopy:
    """``config/*.yaml`` and the contracts below a temporary root."""

    root: Path

    def change_settings(self, changes: dict[str, Any], environment: str = "dev") -> None:
        """Set dotted paths in one settings file."""
        path = self.root / "config" / f"{environment}.yaml"
        data = changed(parsed(path.read_text()), changes)
        path.write_text(yaml.safe_dump(data, sort_keys=False))

    def change_contract(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Apply ``change`` to the plain YAML document of the contract."""
        path = self.root / CONTRACT
        data = parsed(path.read_text())
        change(data)
        path.write_text(yaml.safe_dump(data, sort_keys=False))

    def load(self, environment: str = "dev") -> Deployment:
        """The deployment as the app loads it."""
        return load_deployment(environment, self.root)

    def problems(self, environment: str = "dev") -> tuple[Problem, ...]:
        """What the load refuses; fails if it refuses nothing."""
        with pytest.raises(ConfigurationError) as caught:
            self.load(environment)
        return caught.value.problems


def changed(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``data`` with values set at dotted paths."""
    for dotted, value in changes.items():
        *sections, name = dotted.split(".")
        holder = data
        for section in sections:
            holder = holder.setdefault(section, {})
        # A later path may lead into this value, which other tests have, too.
        holder[name] = deepcopy(value)
    return data


def copied(target: Path) -> ConfigurationCopy:
    """Copy the YAML files below ``target``."""
    (target / "config" / "contracts").mkdir(parents=True)
    for path in (ROOT / "config").glob("*.yaml"):
        shutil.copy(path, target / "config")
    shutil.copy(ROOT / CONTRACT, target / CONTRACT)
    return ConfigurationCopy(target)


def field(contract: dict[str, Any], name: str) -> dict[str, Any]:
    """The YAML of one field, of whichever record has it first."""
    for schema in contract["schema"]:
        for prop in schema["properties"]:
            if prop["name"] == name:
                found: dict[str, Any] = prop
                return found
    raise KeyError(name)


def set_custom(holder: dict[str, Any], name: str, value: object) -> None:
    """Set, add or (with None) remove one custom property."""
    entries = [e for e in holder.get("customProperties", []) if e["property"] != name]
    if value is not None:
        entries.append({"property": name, "value": value})
    holder["customProperties"] = entries
