"""Types of the Glue catalog, which are Hive's, as types of Iceberg.

Those that Iceberg has no like of are refused, as by its own converter for Hive, which makes an int
of a smallint, or a string of a varchar, only where a client asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

# Hive's name, and the one in Iceberg's specification.
_PLAIN = {
    "string": "string",
    "boolean": "boolean",
    "int": "int",
    "integer": "int",
    "bigint": "long",
    "float": "float",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
    "binary": "binary",
}
_DECIMAL = re.compile(r"decimal\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_OPENING, _CLOSING = "<(", ">)"


def schema(columns: Iterable[Mapping[str, Any]]) -> Schema:
    """The columns of a table of the catalog as Iceberg's schema; each may be empty.

    Raises:
        ValueError: a type is none that Iceberg has.
    """
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    ids = count(1)
    return Schema(
        *(
            NestedField(
                field_id=next(ids),
                name=str(column["Name"]),
                field_type=_read(str(column.get("Type") or ""), ids),
                required=False,
                doc=column.get("Comment"),
            )
            for column in columns
        )
    )


def _read(text: str, ids: Iterator[int]) -> IcebergType:
    from pyiceberg.types import DecimalType, ListType, MapType, NestedField, StructType

    name, opened, rest = text.strip().partition("<")
    if opened and rest.endswith(">"):
        parts = _split(rest[:-1])
        kind = name.strip().lower()
        if kind == "array" and len(parts) == 1:
            return ListType(next(ids), _read(parts[0], ids), element_required=False)
        if kind == "map" and len(parts) == 2:
            key, value = next(ids), next(ids)
            return MapType(key, _read(parts[0], ids), value, _read(parts[1], ids), False)
        if kind == "struct":
            fields = [part.partition(":") for part in parts]
            return StructType(*(
                NestedField(next(ids), one.strip(), _read(given, ids), required=False)
                for one, _, given in fields
            ))  # fmt: skip
    if match := _DECIMAL.fullmatch(name.strip().lower()):
        return DecimalType(int(match[1]), int(match[2] or 0))
    return _plain(text.strip())


def _plain(text: str) -> IcebergType:
    from pydantic import TypeAdapter
    from pyiceberg.types import PrimitiveType

    known = _PLAIN.get(text.lower())
    if known is None:
        allowed = ", ".join([*_PLAIN, "decimal(p,s)", "array<>", "map<>", "struct<>"])
        raise ValueError(f"Type {text!r} is none of Iceberg's; allowed: {allowed}")
    found: PrimitiveType = TypeAdapter(PrimitiveType).validate_python(known)
    return found


def _split(text: str) -> list[str]:
    """Parts between the commas that stand in no brackets."""
    depth, parts = 0, [""]
    for letter in text:
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
