"""The ``customProperties`` that Millrace reads from a contract, typed and closed.

ODCS leaves custom properties free. A misspelt one would be silently ignored, so each place has a
closed model: unknown names, missing names and wrong types are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ValidationError

from config.contract_criteria import Closed, TaskProperties
from config.kinds import models_of
from config.problems import NOT_SET, Location
from config.wording import Finding, findings, known_keys
from core.checks import EARLIEST, LATEST
from model_code import tasks

_UTC = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", re.ASCII)


def _utc(text: str) -> str:
    if not _UTC.fullmatch(text):
        raise ValueError("a UTC time such as 2013-01-01T10:15:00Z")
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date that exists") from None
    if not EARLIEST <= text <= LATEST:
        years = f"years {EARLIEST[:4]} to {LATEST[:4]}"
        raise ValueError(f"{years}, which every reader of Parquet holds")
    return text


UtcTime = Annotated[str, AfterValidator(_utc)]


def _known(task: str) -> str:
    if task not in tasks.TASKS:
        raise ValueError(", ".join(tasks.TASKS))
    return task


class UnknownTask(Closed):
    """Of a contract without a task that there is."""

    task: Annotated[str, AfterValidator(_known)]


class FieldProperties(Closed):
    """Custom properties of one field."""

    mlRole: Literal["entityKey", "eventTime", "feature", "labelValue"] | None = None  # noqa: N815
    encoding: Literal["targetMean", "ordinal", "identity"] | None = None
    observedAt: str | None = None  # noqa: N815
    notAfter: str | None = None  # noqa: N815
    treatment: Literal["pseudonymise"] | None = None
    cause: str | None = None


class RecordProperties(Closed):
    """Custom properties of a schema object; times outside the bounds are rejected records."""

    mlRole: Literal["event", "label"]  # noqa: N815
    earliestEventTime: UtcTime  # noqa: N815
    latestEventTime: UtcTime  # noqa: N815


def properties_of(values: dict[str, Any]) -> type[TaskProperties | UnknownTask]:
    """The model of a contract's own custom properties: that of its task."""
    task = values.get("task")
    if task not in tasks.TASKS:
        return UnknownTask
    found: type[TaskProperties] = tasks.part(str(task), "contract").Properties
    return found


def custom_types(data: dict[str, Any]) -> Iterator[Finding]:
    """Findings in every list of custom properties of a contract.

    Args:
        data: the contract as plain YAML, its other values of the types of ODCS.
    """
    yield from _check_properties(data, properties_of(_values(data)), ())
    for index, schema in enumerate(data.get("schema") or []):
        location: Location = ("schema", index)
        yield from _check_properties(schema, RecordProperties, location)
        for position, prop in enumerate((schema or {}).get("properties") or []):
            place = (*location, "properties", position)
            yield from _check_properties(prop, FieldProperties, place)


def judged_together(data: dict[str, Any], location: Location) -> Location:
    """What cannot be judged where the value at ``location`` is refused.

    Of a section of the contract's own properties the other keys still can; a list or names with
    values say one thing together, and without a part they would say another.
    """
    match location:
        case ("customProperties", int(index), "value", _, *_):
            name = _property(data["customProperties"][index])
            field = properties_of(_values(data)).model_fields.get(str(name))
            return location if field and models_of(field.annotation) else location[:3]
    return location


def _values(data: dict[str, Any]) -> dict[str, Any]:
    entries = [entry for entry in data.get("customProperties") or [] if isinstance(entry, dict)]
    return {str(entry.get("property")): entry.get("value") for entry in entries}


def _check_properties(
    holder: dict[str, Any] | None, model: type[BaseModel], location: Location
) -> Iterator[Finding]:
    here: Location = (*location, "customProperties")
    positions: dict[str, int] = {}
    values: dict[str, Any] = {}
    for index, entry in enumerate((holder or {}).get("customProperties") or []):
        if entry is None:
            continue
        name = str(entry.get("property"))
        if name in positions:
            yield (*here, index), name, f"{name} is given twice; allowed: once"
        positions[name], values[name] = index, entry.get("value")
    if model is UnknownTask:
        # What else belongs there only the task knows.
        values = {"task": values["task"]} if "task" in values else {}
    try:
        model.model_validate(values)
    except ValidationError as error:
        for found, value, allowed in findings(error, model, values):
            known = str(found[0]) in known_keys(model)
            yield _placed((found, value, allowed), here, positions, known=known)


def _placed(finding: Finding, here: Location, positions: dict[str, int], *, known: bool) -> Finding:
    """Move a finding from the model's location to the one in the YAML file."""
    found, value, allowed = finding
    name = str(found[0])
    if not known:
        return (*here, positions[name]), name, allowed
    if name not in positions:
        return (*here, name), NOT_SET, allowed
    place: Location = (*here, positions[name], "value", *found[1:])
    return place, value, allowed


def _property(entry: object) -> object:
    return entry.get("property") if isinstance(entry, dict) else None


def resolved(location: Location, raw: object) -> Location:
    """Turn ``…customProperties.name`` into the position of that property's value, if it is there.

    Custom properties are a list in the file; checks name them, editors want the line.
    """
    result: list[str | int] = []
    current: Any = raw
    for step in location:
        if isinstance(current, list) and isinstance(step, str):
            positions = [i for i, e in enumerate(current) if _property(e) == step]
            if not positions:
                return location
            result += [positions[-1], "value"]
            current = current[positions[-1]].get("value")
            continue
        result.append(step)
        try:
            current = current[step]
        except (KeyError, IndexError, TypeError):
            current = None
    return tuple(result)
