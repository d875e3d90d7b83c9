"""Step Functions: the JSONata expressions of a definition, which AWS parses before it keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.services.stepfunctions import jsonata

from local.emulator.refusals import Properties, refuses
from local.services.states.refusals import MACHINE, states

_PARTS = ("lhs", "rhs", "condition", "then", "_else", "expression", "body", "procedure")
_LISTS = ("expressions", "arguments")


def _expressions(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Place and text of every ``{% … %}`` below a value."""
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        yield place, value[2:-2].strip()
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _expressions(item, f"{place}/{key}")


def _queries(properties: Properties) -> Iterator[tuple[str, str]]:
    for name, state in states(properties):
        if state.get("QueryLanguage") == "JSONata":
            yield from _expressions(state, f"/States/{name}")


def _parsed(text: str) -> Any:
    try:
        return jsonata.Jsonata.jsonata(text).ast
    except jsonata.jexception.JException:
        return None


@refuses("jsonata-that-parses", MACHINE)
def _unparsed(properties: Properties) -> str | None:
    for place, text in _queries(properties):
        try:
            jsonata.Jsonata.jsonata(text)
        except jsonata.jexception.JException as error:
            return f"INVALID_JSONATA_EXPRESSION: {error} at {place}"
    return None


@refuses("jsonata-without-a-context", MACHINE)
def _bare_name(properties: Properties) -> str | None:
    for place, text in _queries(properties):
        for name in _bare_names(_parsed(text)):
            return (
                "UNSUPPORTED_JSONATA_EXPRESSION: Reference to "
                f"'{name}' at the top level is not supported. at {place}"
            )
    return None


def _bare_names(node: Any) -> Iterator[str]:
    """Names with which a path begins where no step or filter gives it something to begin at."""
    kind = getattr(node, "type", None)
    if kind == "name":
        yield str(node.value)
    elif kind == "path":
        yield from _bare_names(node.steps[0])
    elif kind is not None:
        below = [getattr(node, part, None) for part in _PARTS]
        for part in _LISTS:
            below += getattr(node, part, None) or []
        for pair in getattr(node, "lhs_object", None) or []:
            below += pair
        for item in below:
            yield from _bare_names(item)
