"""What pydantic refuses, in the words of this repository: what may stand there instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.forms import FORMS
from config.problems import NOT_SET, Location

Context = Mapping[str, Any]
Finding = tuple[Location, object, str]
"""Where, the value, what is allowed."""

_WHOLE, _NUMBER, _SWITCH, _LIST = "a whole number", "a number", "true or false", "a list"
_TEXT = "text, in quotes where YAML would read a number, a date or true"
# By pydantic's name of the error.
WORDS: Mapping[str, str | Callable[[Context], str]] = {
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "a finite number",
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_long": lambda context: f"at most {context['max_length']} characters",
    "string_pattern_mismatch": lambda context: FORMS[context["pattern"]],
    "literal_error": lambda context: context["expected"].replace("'", ""),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "too_short": lambda context: f"a list of at least {context['min_length']}",
    "too_long": lambda context: f"a list of at most {context['max_length']}",
    "dict_type": "names with values",
    "path_type": "the path of a file",
    "value_error": lambda context: str(context["error"]),
}
# Worded with the model's keys and limits.
_UNKNOWN_KEYS = frozenset({"extra_forbidden", "invalid_key"})
_LIMITS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
WORDED = frozenset(WORDS) | _UNKNOWN_KEYS | _LIMITS | {"missing", "model_type"}
"""Every error that has words here."""


def findings(error: ValidationError, model: type[BaseModel], data: object) -> list[Finding]:
    """Translate pydantic's errors about ``data`` into (location, value, allowed).

    Of a value that may be of several kinds pydantic tells one error for each: they become one.
    """
    merged: dict[tuple[Location, str], tuple[object, list[str]]] = {}
    for entry in error.errors(include_url=False):
        location = _in_the_file(entry, data)
        value = NOT_SET if entry["type"] == "missing" else entry["input"]
        _, texts = merged.setdefault((location, repr(value)), (value, []))
        text = _allowed(entry, model, location)
        if text not in texts:
            texts.append(text)
    return [(place, value, _either(texts)) for (place, _), (value, texts) in merged.items()]


def _either(texts: list[str]) -> str:
    first, *more = texts
    return ", or ".join([first, *(text.removeprefix("allowed: ") for text in more)])


def _in_the_file(entry: ErrorDetails, data: object) -> Location:
    """The location without what pydantic adds: names of kinds, marks of keys.

    What is missing has its own name at the end, although the file does not.
    """
    here: Any = data
    kept: list[str | int] = []
    for step in entry["loc"]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            continue
        kept.append(step)
    return (*kept, entry["loc"][-1]) if entry["type"] == "missing" else tuple(kept)


def _allowed(entry: ErrorDetails, model: type[BaseModel], location: Location) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "missing":
        return "must be set"
    if kind in _UNKNOWN_KEYS:
        return f"unknown key; allowed: {', '.join(known_keys(model, location[:-1])) or 'none'}"
    if kind == "model_type":
        return f"allowed: a section with {', '.join(known_keys(model, location))}"
    if kind in _LIMITS:
        return f"allowed: {_range(_limits(model, location) or context)}"
    words = WORDS.get(kind, entry["msg"])
    return f"allowed: {words(context) if callable(words) else words}"


def _range(limits: Context) -> str:
    """``1 to 128``, ``above 0 and below 1``, or the one limit that there is."""
    if "ge" in limits and "le" in limits:
        return f"{limits['ge']} to {limits['le']}"
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    return " and ".join(f"{word} {limits[key]}" for key, word in words.items() if key in limits)


def _limits(model: type[BaseModel], location: Location) -> dict[str, Any]:
    """Both limits of a number where pydantic tells the one that is broken."""
    field = _field(model, location)
    return {
        key: getattr(limit, key)
        for limit in (field.metadata if field else ())
        for key in ("gt", "ge", "lt", "le")
        if getattr(limit, key, None) is not None
    }


def _field(model: type[BaseModel], location: Location) -> FieldInfo | None:
    """The field at ``location``, following nested models only."""
    current: type[BaseModel] | None = model
    field = None
    for step in location:
        field = current.model_fields.get(str(step)) if current else None
        current = _nested(field) if field else None
    return field


def known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that ``model`` allows at ``location``, following nested models only."""
    field = _field(model, location)
    section = _nested(field) if field else None if location else model
    return [item.alias or name for name, item in section.model_fields.items()] if section else []


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    candidates = (field.annotation, *getattr(field.annotation, "__args__", ()))
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
