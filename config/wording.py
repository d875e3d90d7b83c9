"""What pydantic refuses, in the words of this repository: what may stand there instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config import forms
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
    "string_pattern_mismatch": lambda context: forms.known()[context["pattern"]],
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
        keys = ", ".join(known_keys(model, location))
        return f"allowed: a section with {keys}" if keys else "allowed: names with values"
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
    """The field at ``location``; None for an item of a list, which is none."""
    return _at(model, location)[1]


def known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that ``model`` allows at ``location``, following nested models and lists of them."""
    section = _nested(_at(model, location)[0])
    return [item.alias or name for name, item in section.model_fields.items()] if section else []


def _at(model: type[BaseModel], location: Location) -> tuple[object, FieldInfo | None]:
    """The type at ``location``, and its field."""
    kind: object = model
    field = None
    for step in location:
        section = _nested(kind)
        field = _named(section, step) if section and isinstance(step, str) else None
        kind = field.annotation if field else _item(kind) if isinstance(step, int) else None
    return kind, field


def _named(model: type[BaseModel], name: str) -> FieldInfo | None:
    fields = model.model_fields
    return next((item for item in fields.values() if item.alias == name), fields.get(name))


def _kinds(annotation: object) -> list[object]:
    """The kinds that a value may be of."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return [kind for part in get_args(annotation) for kind in _kinds(part)]
    return [annotation]


def _nested(annotation: object) -> type[BaseModel] | None:
    for kind in _kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _item(annotation: object) -> object:
    """The type of the items, if a list is allowed."""
    for kind in _kinds(annotation):
        if get_origin(kind) in (list, tuple):
            return get_args(kind)[0]
    return None
