"""What pydantic refuses, in the words of this repository: what may stand there instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config import forms
from config.kinds import kinds_of, models_of, told_apart
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
    "too_short": lambda context: f"a list of at least {context['min_length']}",
    "too_long": lambda context: f"a list of at most {context['max_length']}",
    "dict_type": "names with values",
    "path_type": "the path of a file",
    "value_error": lambda context: str(context["error"]),
}
# Worded with the model's keys and limits.
_UNKNOWN_KEYS = frozenset({"extra_forbidden", "invalid_key"})
_LIMITS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
_NO_SECTION = frozenset({"model_type", "list_type", "tuple_type"})
_UNKNOWN_KIND = "union_tag_invalid"
WORDED = frozenset(WORDS) | _UNKNOWN_KEYS | _LIMITS | _NO_SECTION | {"missing", _UNKNOWN_KIND}
"""Every error that has words here."""


def findings(error: ValidationError, model: type[BaseModel], data: object) -> list[Finding]:
    """Translate pydantic's errors about ``data`` into (location, value, allowed).

    Of a value that may be of several kinds pydantic tells one error for each: they become one.
    """
    merged: dict[tuple[Location, str], tuple[object, list[str]]] = {}
    for entry in error.errors(include_url=False):
        if entry["type"] == "default_factory_not_called":
            # Follows from another error, which is told.
            continue
        place = _placed(entry, model, data)
        _, texts = merged.setdefault((place.location, repr(place.value)), (place.value, []))
        text = _allowed(entry, place)
        if text not in texts:
            texts.append(text)
    return [(place, value, _either(texts)) for (place, _), (value, texts) in merged.items()]


def _either(texts: list[str]) -> str:
    first, *more = texts
    return ", or ".join([first, *(text.removeprefix("allowed: ") for text in more)])


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an error is, in the file and in the models."""

    location: Location
    value: object
    kind: object
    """What may stand there."""
    field: FieldInfo | None
    """None for an item of a list, and for what no model has."""
    section: type[BaseModel] | None
    """What it stands in."""
    around: FieldInfo | None
    """The field of that section."""


def _placed(entry: ErrorDetails, model: type[BaseModel], data: object) -> _Place:
    """The place without what pydantic adds to a location: names of kinds, marks of keys.

    What is missing has its own name at the end, although the file does not.
    """
    here: Any = data
    place = _Place((), data, model, None, None, None)
    for step in entry["loc"]:
        kinds = told_apart(place.field)
        if kinds and place.field and place.kind is place.field.annotation:
            place = replace(place, kind=kinds[1][str(step)])
            continue
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            continue
        place = _inside(place, step, here)
    if entry["type"] == "missing":
        return replace(place, location=(*place.location, entry["loc"][-1]), value=NOT_SET)
    if entry["type"] == _UNKNOWN_KIND and (kinds := told_apart(place.field)):
        return replace(place, location=(*place.location, kinds[0]), value=here[kinds[0]])
    return replace(place, value=entry["input"])


def _inside(place: _Place, step: str | int, value: object) -> _Place:
    section = _nested(place.kind)
    field = _named(section, step) if section and isinstance(step, str) else None
    kind = field.annotation if field else _item(place.kind) if isinstance(step, int) else None
    return _Place((*place.location, step), value, kind, field, section, place.field)


def _allowed(entry: ErrorDetails, place: _Place) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "missing":
        return "must be set"
    if kind in _UNKNOWN_KEYS:
        return _other_keys(place)
    if kind == _UNKNOWN_KIND:
        _, by_value = told_apart(place.field) or ("", {})
        return f"allowed: {_one_of(list(by_value))}"
    if kind in _NO_SECTION:
        return f"allowed: {_sections(kind, place)}"
    if kind in _LIMITS:
        return f"allowed: {_range(_limits(place.field) or context)}"
    words = WORDS.get(kind, entry["msg"])
    return f"allowed: {words(context) if callable(words) else words}"


def _sections(kind: str, place: _Place) -> str:
    """A section or a list of them, with their keys."""
    one = kind == "model_type"
    keys = ", ".join(known_keys(_nested(place.kind if one else _item(place.kind))))
    if not keys:
        return "names with values" if one else _LIST
    return f"a section with {keys}" if one else f"a list of sections with {keys}"


def _other_keys(place: _Place) -> str:
    """The keys of the section; of a key that another kind of the section has, also which one."""
    keys = ", ".join(known_keys(place.section)) or "none"
    name, kinds = place.location[-1], told_apart(place.around)
    if kinds:
        key, by_value = kinds
        has = [value for value, section in by_value.items() if name in known_keys(section)]
        here = [value for value, section in by_value.items() if section is place.section]
        told = ".".join(str(step) for step in (*place.location[:-1], key))
        if has:
            return f"allowed with {told} {_one_of(has)}; with {_one_of(here)}: {keys}"
    return f"unknown key; allowed: {keys}"


def _one_of(values: list[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``, as pydantic lists the values of a literal."""
    *most, last = values
    return f"{', '.join(most)} or {last}" if most else last


def _range(limits: Context) -> str:
    """``1 to 128``, ``above 0 and below 1``, or the one limit that there is."""
    if "ge" in limits and "le" in limits:
        return f"{limits['ge']} to {limits['le']}"
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    return " and ".join(f"{word} {limits[key]}" for key, word in words.items() if key in limits)


def _limits(field: FieldInfo | None) -> dict[str, Any]:
    """Both limits of a number where pydantic tells the one that is broken."""
    return {
        key: getattr(limit, key)
        for limit in (field.metadata if field else ())
        for key in ("gt", "ge", "lt", "le")
        if getattr(limit, key, None) is not None
    }


def known_keys(section: type[BaseModel] | None) -> list[str]:
    """Keys that a section allows."""
    return [item.alias or name for name, item in section.model_fields.items()] if section else []


def whole(model: type[BaseModel], location: Location) -> Location:
    """What cannot be judged where the value at ``location`` is refused: more than the value where
    it tells what kind of section it stands in.
    """
    place = _Place((), None, model, None, None, None)
    for step in location:
        place = _inside(place, step, None)
    kinds = told_apart(place.around)
    return location[:-1] if kinds and location[-1] == kinds[0] else location


def _named(model: type[BaseModel], name: str) -> FieldInfo | None:
    fields = model.model_fields
    return next((item for item in fields.values() if item.alias == name), fields.get(name))


def _nested(annotation: object) -> type[BaseModel] | None:
    return next(iter(models_of(annotation)), None)


def _item(annotation: object) -> object:
    """The type of the items, if a list is allowed."""
    for kind in kinds_of(annotation):
        if get_origin(kind) in (list, tuple):
            return get_args(kind)[0]
    return None
