"""CloudFormation's own check: a resource's properties against the schema of its type.

The schemas are those of the CloudFormation registry as cfn-lint ships them, with what its authors
add from the services' behaviour. Values of templates are loosely typed (``"true"``, ``"30"``), as
CloudFormation converts them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema
from jsonschema.validators import extend

ROW = "registry-schema"
# Regions differ in which types exist, not in what a type takes.
_REGION = "us-east-1"
_UNICODE = re.compile(r"\\[pP]\{(\w+)\}")
# Python knows no classes of Unicode by name: separators, symbols and punctuation, else letters.
_CLASSES = {"Z": r"\s", "S": r"\W", "P": r"\W"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _boolean(_checker: object, value: object) -> bool:
    return isinstance(value, bool) or value in ("true", "false", "True", "False")


def _number(_checker: object, value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _integer(checker: object, value: object) -> bool:
    return _number(checker, value) and float(str(value)).is_integer()


def _string(_checker: object, value: object) -> bool:
    return isinstance(value, str | int | float | bool)


Errors = Iterator[jsonschema.ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Errors]


def _required(allowed: range, word: str) -> Keyword:
    def rule(_validator: Any, names: list[str], instance: Any, _schema: Any) -> Errors:
        if not isinstance(instance, dict):
            return
        given = [name for name in names if name in instance]
        if len(given) not in allowed:
            yield jsonschema.ValidationError(f"{word} of {names} is required, not {given}")

    return rule


def _excluded(_validator: Any, dependents: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    for name, others in dependents.items():
        for other in others:
            if name in instance and other in instance:
                yield jsonschema.ValidationError(f"{other} must not stand beside {name}")


def _enumerated(_validator: Any, values: Any, instance: Any, _schema: Any) -> Errors:
    if _text(instance) not in {_text(value) for value in values}:
        yield jsonschema.ValidationError(f"{instance!r} is not one of {values}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _loosely(keyword: str, convert: Callable[[Any], Any]) -> Keyword:
    """The keyword of the standard, on the value as CloudFormation converts it."""
    standard: Keyword = jsonschema.Draft7Validator.VALIDATORS[keyword]

    def rule(validator: Any, limit: Any, instance: Any, schema: Any) -> Errors:
        if isinstance(instance, str | int | float):
            yield from standard(validator, limit, convert(instance), schema)

    return rule


def _as_number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


_ON_TEXT = {name: _loosely(name, _text) for name in ("minLength", "maxLength", "pattern")}
_ON_NUMBERS = {
    name: _loosely(name, _as_number)
    for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
}
_checker = (
    jsonschema.Draft7Validator.TYPE_CHECKER.redefine("boolean", _boolean)
    .redefine("number", _number)
    .redefine("integer", _integer)
    .redefine("string", _string)
)
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft7Validator,
    {
        "requiredXor": _required(range(1, 2), "exactly one"),
        "requiredOr": _required(range(1, 1 << 16), "at least one"),
        "dependentExcluded": _excluded,
        "enum": _enumerated,
        **_ON_TEXT,
        **_ON_NUMBERS,
        # Names of formats are cfn-lint's own: which resource a reference has to name.
        "format": lambda *_: iter(()),
    },
    type_checker=_checker,
)


@cache
def resource_schema(resource_type: str) -> dict[str, Any] | None:
    """The registry's schema of a type, None for one that the registry does not know."""
    # Imported late: it takes most of a second, which a start without a deploy need not wait.
    from cfnlint.schema import (  # type: ignore[import-untyped]
        PROVIDER_SCHEMA_MANAGER,
        ResourceNotFoundError,
    )

    try:
        found = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    except ResourceNotFoundError:
        return None
    return dict(_in_python(found))


def _in_python(schema: Any) -> Any:
    """The schema with its expressions in Python's syntax."""
    if isinstance(schema, list):
        return [_in_python(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _in_python(value) for key, value in schema.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = _expression(found["pattern"])
    if "patternProperties" in found:
        named = found["patternProperties"].items()
        found["patternProperties"] = {_expression(name): value for name, value in named}
    return found


def _expression(pattern: str) -> str:
    """The expression in Python's syntax; one that it cannot say lets everything pass."""
    read = _UNICODE.sub(lambda m: _CLASSES.get(m[1][0], r"\w"), pattern)
    try:
        re.compile(read)
    except re.error:
        return ""
    return "" if "Print" in pattern else read


@cache
def _validator(resource_type: str) -> Any:
    schema = resource_schema(resource_type)
    return None if schema is None else _Validator(schema)


def violations(resource_type: str, properties: dict[str, Any]) -> Iterator[str]:
    """What the schema forbids in these properties, each with its place."""
    validator = _validator(resource_type)
    if validator is None:
        return
    for error in validator.iter_errors(properties):
        place = "/".join(str(part) for part in error.absolute_path)
        yield f"Properties validation failed with message: #/{place}: {error.message[:300]}"


@cache
def create_only(resource_type: str) -> frozenset[str]:
    """Properties of the first level whose change replaces a resource of this type."""
    pointers = (resource_schema(resource_type) or {}).get("createOnlyProperties", [])
    return frozenset(pointer.split("/")[2] for pointer in pointers if pointer.count("/") == 2)
