"""Records in the form in which they are stored: what Firehose, data capture and the lake hold.

Times are ``YYYY-MM-DD HH:MM:SS`` and classified values pseudonyms. The checks are those of the
contract's own validator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from core.checks import Check, checker
from core.contract import Field, Record
from core.fields import PSEUDONYMISE
from core.records import Invalid, Valid, compiled

PSEUDONYM: Final = r"^p_[0-9a-f]{32}$"
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})", re.ASCII)


def check(content: object, record: Mapping[str, Any]) -> Valid | Invalid:
    """Check a decoded record that the contract's validator once returned."""
    if isinstance(content, dict):
        # Changed in place: a copy would forget that a key came twice.
        content.update({name: as_sent(value) for name, value in content.items()})
    return compiled(_stored_form(record)).check(content, _never)


def as_sent(value: Any) -> Any:
    """A stored time in the form that the contract's validator takes."""
    stored = _TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{stored[1]}T{stored[2]}Z" if stored else value


def type_checks(record: Mapping[str, Any]) -> dict[str, Check]:
    """The check of each field's kind of value alone, by name.

    Records of another version of the contract may keep other limits, or have had a number where an
    integer is now.
    """
    return {field["name"]: checker(_bare(field)) for field in _stored_form(record)["fields"]}


def _bare(field: Field) -> Field:
    kind = "number" if field["type"] == "integer" else field["type"]
    return {
        "name": field["name"],
        "type": kind,
        "glue_type": field["glue_type"],
        "required": field["required"],
        "classification": field["classification"],
        "description": field["description"],
    }


def _never(_value: object) -> str:
    raise AssertionError("a stored record has no value left to pseudonymise")


_stored_forms: dict[int, tuple[Mapping[str, Any], Record]] = {}


def _stored_form(record: Mapping[str, Any]) -> Record:
    """The record with pseudonyms in the place of values that the function replaces."""
    kept = _stored_forms.get(id(record))
    if kept is None or kept[0] is not record:
        fields = [_stored_field(field) for field in record["fields"]]
        kept = (record, cast(Record, {**record, "fields": fields}))
        _stored_forms[id(record)] = kept
    return kept[1]


def _stored_field(field: Field) -> Field:
    if field.get("treatment") != PSEUDONYMISE:
        return field
    return {**_bare(field), "type": "string", "pattern": PSEUDONYM}
