"""Read settings and contract of one environment, or say everything that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

from config import contract_values, one_lake, together
from config.contract import compile_contract
from config.contract_properties import custom_types, judged_together, resolved
from config.contract_rules import check_contract
from config.problems import NOT_SET, ConfigurationError, Location, Problem
from config.rules import broken_rules
from config.settings import Settings
from config.source import Source, read_source, without
from config.views import MODELS, views
from config.wording import Finding, findings, whole

# Stands in for required settings that are missing or refused, so that the rules can still look at
# the others. Nothing is ever deployed from it: a refused file raises.
_STAND_IN: dict[str, Any] = {
    "instance": "standin",
    "environment": "standin",
    "contract": ".",
    "region": "eu-west-1",
    "owner": {"team": "-", "cost_center": "-", "email": "a@b"},
    "network": {"availability_zones": ["eu-west-1a", "eu-west-1b"]},
}
REPOSITORY = Path(__file__).resolve().parents[1]
# YAML files beside the settings that are no settings.
_TABLES = {"images", "instance_types", "resource_types"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the app needs to know of one environment, as one of its models sees it.

    Attributes:
        settings: the checked settings.
        contract: the compiled contract, see :func:`config.contract.compile_contract`.
        contract_path: the contract's file.
        others: the same as the deployment's other models see it.
    """

    settings: Settings
    contract: dict[str, Any]
    contract_path: Path
    others: tuple[Deployment, ...] = ()

    @property
    def models(self) -> tuple[Deployment, ...]:
        """This one first."""
        return (self, *self.others)


def environments(root: Path) -> list[str]:
    """Names of the settings files below ``root``."""
    stems = {path.stem for path in (root / "config").glob("*.yaml")}
    return sorted(stems - _TABLES)


def load_deployment(environment: str, root: Path = REPOSITORY) -> Deployment:
    """Load ``config/<environment>.yaml`` below ``root`` and the contract that it names.

    Raises:
        ConfigurationError: with every problem of both files, rather than the first.
    """
    available = environments(root)
    if environment not in available:
        allowed = f"allowed: {', '.join(available)}"
        raise ConfigurationError([Problem("config", "environment", environment, allowed)])
    source = read_source(root / "config" / f"{environment}.yaml", root)
    sources, problems = views(source) if source.data else ([source], [])
    found = [_one_model(view, environment, root, problems) for view in sources]
    known = [deployment for deployment in found if deployment is not None]
    if not problems:
        problems += one_lake.problems([(one.settings, one.contract) for one in known], sources)
    if problems:
        raise ConfigurationError([p for i, p in enumerate(problems) if p not in problems[:i]])
    first, *others = known
    return replace(first, others=tuple(others))


def _one_model(
    source: Source, environment: str, root: Path, problems: list[Problem]
) -> Deployment | None:
    """The deployment as one model sees it; what is wrong is added to ``problems``."""
    settings, wrong = _check_settings(source, environment)
    contract_path, contract_source, found = _find_contract(source, root)
    wrong += found
    contract, found = _check_contract(contract_source)
    wrong += found
    compiled: dict[str, Any] = {}
    if contract and contract_source and settings and not wrong:
        compiled = compile_contract(contract)
        wrong += together.problems(settings, source, compiled, contract_source)
        wrong += contract_values.problems(contract, contract_source, compiled)
    problems += wrong
    return Deployment(settings, compiled, contract_path) if settings and not wrong else None


def _check_settings(source: Source, environment: str) -> tuple[Settings | None, list[Problem]]:
    if not source.data:
        return None, list(source.problems) or [Problem(source.name, "", NOT_SET, "must be set")]
    problems = list(source.problems)
    refused = [whole(Settings, location) for location in source.refused]
    settings: Settings | None = None
    try:
        settings = _strictly(source.data)
    except ValidationError as error:
        for location, value, allowed in findings(error, Settings, source.data):
            if location not in source.refused:
                told = _or_several(allowed, location, source)
                problems.append(source.problem(location, told, value=value))
            refused.append(whole(Settings, location))
        present = [place for place in refused if source.at(place) is not NOT_SET]
        settings = _standing_in(without(source.data, present))
    if settings is None:
        return None, problems
    problems += broken_rules(settings, source, refused)
    if ("environment",) not in refused and settings.environment != environment:
        allowed = f"allowed: {environment}, the name of the file"
        problems.append(source.problem(("environment",), allowed))
    return settings, problems


def _or_several(allowed: str, location: Location, source: Source) -> str:
    """What a file may say at its top besides the settings of one model."""
    if source.place or len(location) > 1:
        return allowed
    if location == ("contract",) and source.at(location) is NOT_SET:
        return f"{allowed}, or {MODELS}: names of models, each with its contract"
    return allowed.replace("unknown key; allowed: ", f"unknown key; allowed: {MODELS}, ")


def _strictly(data: dict[str, Any]) -> Settings:
    """No text becomes a number, no number a switch; JSON, since YAML has no tuples or paths."""
    return Settings.model_validate_json(json.dumps(data), strict=True)


def _standing_in(data: dict[str, Any]) -> Settings | None:
    try:
        return _strictly(_merged(_STAND_IN, data))
    except ValidationError:
        return None


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result


def _find_contract(source: Source, root: Path) -> tuple[Path, Source | None, list[Problem]]:
    name = source.data.get("contract")
    if not isinstance(name, str):
        return root, None, []
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        known = sorted(p.relative_to(root).as_posix() for p in root.glob("config/contracts/*.yaml"))
        allowed = f"allowed: a file below the repository ({', '.join(known)})"
        return path, None, [source.problem(("contract",), allowed)]
    return path, read_source(path, root.resolve()), []


def _check_contract(
    source: Source | None,
) -> tuple[OpenDataContractStandard | None, list[Problem]]:
    """The contract's problems; what is refused by its type is left out of the later checks."""
    if source is None:
        return None, []
    if not source.data:
        return None, list(source.problems) or [Problem(source.name, "", NOT_SET, "must be set")]
    problems, refused = list(source.problems), list(source.refused)
    data: dict[str, Any] = source.data
    for types in (_odcs_types, custom_types):
        found = list(types(data))
        problems += [
            source.problem(place, allowed, value=value)
            for place, value, allowed in found
            if place not in refused
        ]
        places = [judged_together(data, place) for place, _, _ in found]
        refused += places
        # A whole entry is refused for its name; its neighbours keep their places.
        data = without(data, [p for p in places if types is _odcs_types or "value" in p])
    try:
        contract = OpenDataContractStandard.model_validate(data, strict=True)
    except ValidationError:
        return None, problems
    for location, value, allowed in check_contract(contract, data):
        place = resolved(location, source.data)
        if not any(place[: len(one)] == one for one in refused):
            problems.append(source.problem(place, allowed, value=value))
    return contract, problems


def _odcs_types(data: dict[str, Any]) -> Iterator[Finding]:
    """What the standard's models refuse."""
    try:
        OpenDataContractStandard.model_validate(data, strict=True)
    except ValidationError as error:
        yield from findings(error, OpenDataContractStandard, data)
