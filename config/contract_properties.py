"""The ``customProperties`` that Millrace reads from a contract, typed and closed.

ODCS leaves custom properties free. A misspelt one would be silently ignored, so each place has a
closed model: unknown names, missing names and wrong types are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from config.problems import NOT_SET, Location
from config.wording import Finding, findings, known_keys
from core.checks import EARLIEST, LATEST

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
Rows = Annotated[int, Field(gt=0, le=1_000_000_000)]
Confidence = Annotated[float, Field(ge=0.5, lt=1)]


class _Closed(BaseModel):
    # Strict, so that what is compiled is what stands in the file, and no text is a number.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FieldProperties(_Closed):
    """Custom properties of one field."""

    mlRole: Literal["entityKey", "eventTime", "feature", "labelValue"] | None = None  # noqa: N815
    encoding: Literal["targetMean", "identity"] | None = None
    observedAt: str | None = None  # noqa: N815
    notAfter: str | None = None  # noqa: N815
    treatment: Literal["pseudonymise"] | None = None
    cause: str | None = None


class RecordProperties(_Closed):
    """Custom properties of a schema object; times outside the bounds are rejected records."""

    mlRole: Literal["event", "label"]  # noqa: N815
    earliestEventTime: UtcTime  # noqa: N815
    latestEventTime: UtcTime  # noqa: N815


class PositiveLabel(_Closed):
    """The label is positive when ``field`` is ``atLeast`` or more."""

    field: str
    atLeast: float  # noqa: N815


class GateCriteria(_Closed):
    """What a challenger has to show on the hold-out.

    ``confidence`` is that of a year of ``decisionsPerYear``: with this probability no challenger
    that is not better is promoted in it. Rows of one day share its luck, so a hold-out needs days.
    """

    metric: Literal["logLoss"]
    margin: Annotated[float, Field(ge=0, le=1)]
    confidence: Confidence
    decisionsPerYear: Annotated[int, Field(ge=1, le=366)] = 12  # noqa: N815
    minimumHoldoutRows: Rows  # noqa: N815
    minimumHoldoutDays: Annotated[int, Field(ge=5, le=366)] = 7  # noqa: N815
    minimumTrainingRows: Rows  # noqa: N815


class MonitoringCriteria(_Closed):
    """What makes a window of production count as drifted or degraded."""

    confidence: Confidence
    block: Literal["day", "row"]
    populationStabilityIndex: Annotated[float, Field(gt=0, le=100)]  # noqa: N815
    driftedFeaturesToAlarm: Rows  # noqa: N815
    driftAlone: Literal["never", "whenQualityIsNotJudged", "always"] = "never"  # noqa: N815
    relativeLogLossTolerance: Annotated[float, Field(ge=0, le=100)]  # noqa: N815
    calibrationTolerance: Annotated[float, Field(ge=0, lt=1)]  # noqa: N815
    minimumCaptured: Rows  # noqa: N815
    minimumLabelled: Rows  # noqa: N815
    minimumDays: Rows  # noqa: N815
    bins: Annotated[int, Field(ge=2, le=100)]


class ContractProperties(_Closed):
    """Custom properties of the contract as a whole."""

    task: Literal["binary"]
    positiveLabel: PositiveLabel  # noqa: N815
    objectiveMetric: Literal["logLoss"]  # noqa: N815
    seedProbability: Annotated[float, Field(gt=0, lt=1)]  # noqa: N815
    gate: GateCriteria
    monitoring: MonitoringCriteria


def custom_types(data: dict[str, Any]) -> Iterator[Finding]:
    """Findings in every list of custom properties of a contract.

    Args:
        data: the contract as plain YAML, its other values of the types of ODCS.
    """
    yield from _check_properties(data, ContractProperties, ())
    for index, schema in enumerate(data.get("schema") or []):
        location: Location = ("schema", index)
        yield from _check_properties(schema, RecordProperties, location)
        for position, prop in enumerate((schema or {}).get("properties") or []):
            place = (*location, "properties", position)
            yield from _check_properties(prop, FieldProperties, place)


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
