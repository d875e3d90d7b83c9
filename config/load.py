"""Read settings and contract of one environment, or say everything that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

from config.contract import compile_contract, example_record
from config.contract_properties import resolved
from config.contract_rules import check_contract
from config.problems import (
    NOT_SET,
    ConfigurationError,
    Location,
    Problem,
)
from config.rules import broken_rules
from config.schedule import runs_per_year
from config.settings import Settings
from config.source import Source, read_source, without
from config.wording import findings
from lambdas.shared import records

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
_TABLES = {"images", "instance_types"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the app needs to know of one environment.

    Attributes:
        settings: the checked settings.
        contract: the compiled contract, see :func:`config.contract.compile_contract`.
        contract_path: the contract's file.
    """

    settings: Settings
    contract: dict[str, Any]
    contract_path: Path


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
    settings, problems = _check_settings(source, environment)
    contract_path, contract_source, found = _find_contract(source, root)
    problems += found
    contract, found = _check_contract(contract_source)
    problems += found
    if contract is not None and settings is not None and not problems:
        compiled = compile_contract(contract)
        problems += _check_windows(settings, source, compiled)
        problems += _check_decisions(settings, source, compiled)
        problems += _check_batch(settings, source, compiled)
        problems += _check_validators(source.data["contract"], compiled)
        if not problems:
            return Deployment(settings, compiled, contract_path)
    raise ConfigurationError(problems)


def _check_settings(source: Source, environment: str) -> tuple[Settings | None, list[Problem]]:
    if not source.data:
        return None, list(source.problems) or [Problem(source.name, "", NOT_SET, "must be set")]
    problems, refused = list(source.problems), list[Location]()
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(source.data)
    except ValidationError as error:
        for location, value, allowed in findings(error, Settings, source.data):
            problems.append(source.problem(location, allowed, value=value))
            refused.append(location)
        present = [place for place in refused if source.at(place) is not NOT_SET]
        settings = _standing_in(without(source.data, present))
    if settings is None:
        return None, problems
    problems += broken_rules(settings, source, refused)
    if ("environment",) not in refused and settings.environment != environment:
        allowed = f"allowed: {environment}, the name of the file"
        problems.append(source.problem(("environment",), allowed))
    return settings, problems


def _standing_in(data: dict[str, Any]) -> Settings | None:
    try:
        return Settings.model_validate(_merged(_STAND_IN, data))
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
    if source is None:
        return None, []
    if not source.data:
        return None, list(source.problems) or [Problem(source.name, "", NOT_SET, "must be set")]
    problems, data = list(source.problems), source.data
    refused: list[Location] = []
    try:
        contract = OpenDataContractStandard.model_validate(data)
    except ValidationError as error:
        for location, value, allowed in findings(error, OpenDataContractStandard, data):
            problems.append(source.problem(location, allowed, value=value))
            refused.append(location)
        data = without(data, refused)
        try:
            contract = OpenDataContractStandard.model_validate(data)
        except ValidationError:
            return None, problems
    # ODCS has one type error per value; what the checks add about the same value is noise.
    for location, value, allowed in check_contract(contract, data):
        if not any(location[: len(place)] == place for place in refused):
            place = resolved(location, data)
            problems.append(source.problem(place, allowed, value=value))
    return contract, problems


def _check_windows(
    settings: Settings, source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """Windows longer than the retention would quietly read what is left."""
    for dotted, record, days in (
        ("training.window_days", "event", settings.training.window_days),
        ("monitoring.window_days", "label", settings.monitoring.window_days),
    ):
        kept = contract["retention_days"][record]
        if days > kept:
            yield source.problem(
                tuple(dotted.split(".")),
                f"allowed: at most the contract's retention of {contract[record]['name']}, {kept}",
                value=days,
                rule="window-within-retention",
            )


def _check_decisions(
    settings: Settings, source: Source, contract: dict[str, Any]
) -> Iterator[Problem]:
    """The gate's confidence is that of a year of so many decisions."""
    schedule, counted = settings.training.schedule, contract["gate"]["decisionsPerYear"]
    if schedule is None or (runs := runs_per_year(schedule)) <= counted:
        return
    yield source.problem(
        ("training", "schedule"),
        f"allowed: at most {counted} times a year, the contract's gate.decisionsPerYear; this "
        f"falls due {runs} times, so that the gate's confidence would not hold",
        value=schedule,
        rule="decisions-a-year",
    )


def _check_batch(settings: Settings, source: Source, contract: dict[str, Any]) -> Iterator[Problem]:
    """A batch that no body can hold is a setting without effect."""
    record = len(json.dumps(example_record(contract["event"]), separators=(",", ":")))
    most = settings.api.body_kilobytes * 1024 // (record + 1)
    if settings.api.batch_records > most:
        yield source.problem(
            ("api", "batch_records"),
            f"allowed: at most {most}, for {settings.api.body_kilobytes} KB "
            f"(api.body_kilobytes) hold no more of the contract's example of {record} bytes",
            value=settings.api.batch_records,
            rule="batch-fits-body",
        )


def _check_validators(name: str, contract: dict[str, Any]) -> Iterator[Problem]:
    """Run-time code has the last word: what it could not enforce is refused here too.

    The examples make one record that the validator must accept: ``make verify-aws`` sends it.
    """
    for role in ("event", "label"):
        record = contract[role]
        here = f"schema[{record['name']}]"
        try:
            checked = records.compiled(record).check(example_record(record), lambda _value: "p_")
        except ValueError as error:
            yield Problem(name, here, role, str(error))
            continue
        if isinstance(checked, records.Invalid):
            place = f"{here}.properties[{checked.field}].examples"
            yield Problem(
                name, place, checked.code, f"allowed: a valid first example; {checked.message}"
            )
