"""Which partitions of a table Athena knows: those it projects, or those registered in the catalog.

MiniStack finds partitions by their folders. On AWS a folder outside the projected range, or one
that nobody registered, holds no row for any query, and nothing says so.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
https://docs.aws.amazon.com/athena/latest/ug/partitions.html
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from local.emulator.private_tables import pin

pin("ministack.services.glue", _partitions="scoped")

Parameters = Mapping[str, str]
_NOW = re.compile(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY)S?\s*)?")
_IN_DAYS = {"DAY": 1, "WEEK": 7}
_IN_MONTHS = {"MONTH": 1, "YEAR": 12}
DATE_FORMAT = "yyyy-MM-dd"


class ProjectionError(ValueError):
    """A projection that Athena refuses, or that the local platform cannot follow."""


def visible(table: Mapping[str, Any], files: Sequence[str]) -> list[str]:
    """The files of partitions that Athena knows; all of a table without partition keys.

    Raises:
        ProjectionError: the table's projection is wrong or of a type that is not followed here.
    """
    keys = [str(key["Name"]) for key in table.get("PartitionKeys") or []]
    if not keys:
        return list(files)
    parameters: Parameters = table.get("Parameters") or {}
    if parameters.get("projection.enabled", "").lower() != "true":
        registered = _registered(table)
        return [path for path in files if _values(path, keys) in registered]
    known = {key: _projected(parameters, key) for key in keys}
    return [
        path
        for path in files
        if all(
            value is not None and known[key](value)
            for key, value in zip(keys, _values(path, keys), strict=True)
        )
    ]


def _values(path: str, keys: Sequence[str]) -> tuple[str | None, ...]:
    """Values of the partition keys in a path of ``key=value`` folders."""
    folders = dict(part.split("=", 1) for part in path.split("/")[:-1] if "=" in part)
    return tuple(folders.get(key) for key in keys)


def _registered(table: Mapping[str, Any]) -> set[tuple[str, ...]]:
    from ministack.services import glue

    found = glue._partitions.get(f"{table['DatabaseName']}/{table['Name']}") or []
    return {tuple(map(str, partition["Values"])) for partition in found}


def _projected(parameters: Parameters, key: str) -> Callable[[str], bool]:
    """Whether a value is one that Athena would make up for the key."""
    kind = parameters.get(f"projection.{key}.type", "")
    if kind == "enum":
        values = set(_required(parameters, key, "values").split(","))
        return lambda value: value in values
    if kind == "integer":
        low, high = map(int, _required(parameters, key, "range").split(","))
        return lambda value: value.isdigit() and low <= int(value) <= high
    if kind == "date":
        return _dates(parameters, key)
    raise ProjectionError(f"projection.{key}.type is {kind!r}; followed here: date, enum, integer")


def _required(parameters: Parameters, key: str, member: str) -> str:
    name = f"projection.{key}.{member}"
    if name not in parameters:
        raise ProjectionError(f"{name} is not set; it is required with projection.enabled")
    return parameters[name]


def _dates(parameters: Parameters, key: str) -> Callable[[str], bool]:
    form = _required(parameters, key, "format")
    if form != DATE_FORMAT:
        raise ProjectionError(f"projection.{key}.format is {form!r}; followed here: {DATE_FORMAT}")
    bounds = _required(parameters, key, "range").split(",")
    if len(bounds) != 2:
        raise ProjectionError(f"projection.{key}.range is {bounds}; allowed: first,last")
    first, last = (_day(key, bound) for bound in bounds)

    def known(value: str) -> bool:
        try:
            return first <= date.fromisoformat(value) <= last
        except ValueError:
            return False

    return known


def _day(key: str, bound: str) -> date:
    relative = _NOW.fullmatch(bound)
    if relative is not None:
        count, unit = int(relative[2] or 0), relative[3] or "DAY"
        return _moved(datetime.now(UTC).date(), -count if relative[1] == "-" else count, unit)
    try:
        return date.fromisoformat(bound.strip())
    except ValueError as error:
        allowed = "followed here: a date, NOW, NOW+1DAYS, -2WEEKS, -3MONTHS or -4YEARS"
        raise ProjectionError(f"projection.{key}.range has {bound!r}; {allowed}") from error


def _moved(day: date, count: int, unit: str) -> date:
    """A day some days, weeks, months or years away; the last of its month if that is shorter."""
    if unit in _IN_DAYS:
        return day + timedelta(days=count * _IN_DAYS[unit])
    years, month = divmod(day.year * 12 + day.month - 1 + count * _IN_MONTHS[unit], 12)
    return day.replace(year=years, month=month + 1, day=1) + timedelta(
        days=min(day.day, monthrange(years, month + 1)[1]) - 1
    )
