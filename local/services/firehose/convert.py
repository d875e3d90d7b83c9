"""JSON records to one Parquet object with a Glue table's columns.

One Arrow table per object instead of one engine call per record: 30,000 records are a second, not
minutes. When a batch does not fit the schema it is split until the offending records stand alone,
so that a bad record never costs its neighbours. Timestamps are written as INT96, as Firehose's
Hive writer does; Spark and Athena then read ``timestamp`` without a time-zone argument.
"""

from __future__ import annotations

import datetime
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_SIMPLE: dict[str, pa.DataType] = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "binary": pa.binary(),
}


class SchemaMismatchError(ValueError):
    """A record does not fit the table's columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the Glue table and the JSON key it is read from."""

    name: str
    key: str
    type: pa.DataType
    read: Callable[[Any], Any]


def arrow_type(hive: str) -> pa.DataType:
    """The Arrow type of a Hive column type (scalars, decimal, ``array<scalar>``)."""
    name = hive.strip().lower()
    if name.startswith("array<") and name.endswith(">"):
        return pa.list_(arrow_type(name[6:-1]))
    if match := _DECIMAL.fullmatch(name):
        return pa.decimal128(int(match.group(1)), int(match.group(2)))
    if name.startswith(("varchar", "char")):
        return pa.string()
    if name not in _SIMPLE:
        raise SchemaMismatchError(f"column type {hive} is not supported by the local conversion")
    return _SIMPLE[name]


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, str):
            return int(value)
        raise SchemaMismatchError(f"{type(value).__name__} is not an integer")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SchemaMismatchError(f"{type(value).__name__} is not a number")
    return float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise SchemaMismatchError(f"{type(value).__name__} is not a boolean")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _timestamp(value: Any) -> datetime.datetime:
    """``yyyy-MM-dd HH:mm:ss[.f]`` or ISO, as UTC; a number is epoch seconds, or milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) > 1e11 else value
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
    moment = datetime.datetime.fromisoformat(str(value))
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _date(value: Any) -> datetime.date:
    return datetime.date.fromisoformat(str(value))


def _reader(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_list(kind):
        inner = _reader(kind.value_type)
        return lambda value: [None if item is None else inner(item) for item in value]
    if pa.types.is_decimal(kind):
        return lambda value: Decimal(str(value))
    readers: dict[Callable[[pa.DataType], bool], Callable[[Any], Any]] = {
        pa.types.is_integer: _integer,
        pa.types.is_floating: _number,
        pa.types.is_boolean: _boolean,
        pa.types.is_timestamp: _timestamp,
        pa.types.is_date: _date,
    }
    return next((read for test, read in readers.items() if test(kind)), _text)


def columns_of(glue_columns: Sequence[dict[str, Any]], mappings: dict[str, str]) -> list[Column]:
    """Columns of a Glue storage descriptor; ``mappings`` is ``ColumnToJsonKeyMappings``."""
    columns = []
    for entry in glue_columns:
        kind = arrow_type(entry.get("Type", "string"))
        key = mappings.get(entry["Name"], entry["Name"]).lower()
        columns.append(Column(entry["Name"], key, kind, _reader(kind)))
    return columns


def row_of(document: dict[str, Any], columns: Sequence[Column]) -> list[Any]:
    """One record's values in column order; raises ``SchemaMismatchError`` for the whole record."""
    lowered = {key.lower(): value for key, value in document.items()}
    try:
        return [
            None if (value := lowered.get(column.key)) is None else column.read(value)
            for column in columns
        ]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise SchemaMismatchError(str(error)) from error


def _table(rows: Sequence[list[Any]], columns: Sequence[Column]) -> pa.Table:
    arrays = [
        pa.array([row[index] for row in rows], type=column.type)
        for index, column in enumerate(columns)
    ]
    return pa.table(arrays, names=[column.name for column in columns])


def fitting_rows(rows: Sequence[list[Any]], columns: Sequence[Column]) -> list[bool]:
    """For each row whether Arrow accepts it (an integer may be out of the column's range)."""
    try:
        _table(rows, columns)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        if len(rows) == 1:
            return [False]
        middle = len(rows) // 2
        return fitting_rows(rows[:middle], columns) + fitting_rows(rows[middle:], columns)
    return [True] * len(rows)


def to_parquet(
    rows: Sequence[list[Any]], columns: Sequence[Column], compression: str = "SNAPPY"
) -> bytes:
    """One Parquet object holding ``rows`` (all of which fit)."""
    sink = io.BytesIO()
    codec = "NONE" if compression == "UNCOMPRESSED" else compression
    pq.write_table(
        _table(rows, columns), sink, compression=codec, use_deprecated_int96_timestamps=True
    )
    return sink.getvalue()
