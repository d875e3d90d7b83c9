"""Requests and responses checked against botocore's own model of the service.

A local service that is laxer than AWS lets a typo through until the first real deploy, so the
input is held to the model: unknown and missing members, types, enumerations, lengths, ranges
and patterns. Responses are held to it too, because a missing member breaks SDK waiters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from local.engines.errors import ServiceError, validation

# Java's classes that Python's re does not know, as ranges; each may be a superset.
_JAVA_CLASSES = {
    "ASCII": r"\x00-\x7f",
    "Print": r"\x20-\x7e",
    "Graph": r"\x21-\x7e",
    "Alnum": "a-zA-Z0-9",
    "L": r"\w",
    "M": r"\w",
    "N": r"\d",
    "Z": r"\s",
    "S": r"\W",
    "P": r"\W",
}
_TOKEN = re.compile(r"\\p\{(\w+)\}|\\.|[\[\]]|[^\\\[\]]+", re.DOTALL)


@functools.cache
def service_model(name: str) -> ServiceModel:
    """botocore's model of a service, loaded once per process."""
    return botocore.session.get_session().get_service_model(name)


def operation_model(service: str, operation: str) -> OperationModel:
    """The model of one operation; an unknown name is the caller's error."""
    model = service_model(service)
    if operation not in model.operation_names:
        raise ServiceError("UnknownOperationException", f"Unknown operation {operation}.")
    return model.operation_model(operation)


def check_input(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Raise ValidationException with every violation of the operation's input shape."""
    shape = operation_model(service, operation).input_shape
    if shape is None:
        return
    report = ParamValidator().validate(dict(request), shape)
    problems = [report.generate_report()] if report.has_errors() else []
    problems += list(_constraint_violations(request, shape, ""))
    if problems:
        count = len(problems)
        noun = "error" if count == 1 else "errors"
        raise validation(f"{count} validation {noun} detected: " + "; ".join(problems))


def check_output(service: str, operation: str, response: Mapping[str, Any]) -> None:
    """Raise RuntimeError when our own answer breaks the output shape: a bug of this platform."""
    shape = operation_model(service, operation).output_shape
    if shape is None:
        return
    report = ParamValidator().validate(dict(response), shape)
    absent = [name for name in shape.required_members if response.get(name) is None]
    if report.has_errors() or absent:
        raise RuntimeError(f"{operation} answer: {report.generate_report()} missing {absent}")


def to_json(value: Any) -> Any:
    """Python values as the JSON 1.1 protocol writes them: times are epoch seconds, no nulls."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def project(shape: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """The members of ``record`` that the structure ``shape`` declares (a summary, an answer)."""
    return {name: record[name] for name in shape.members if record.get(name) is not None}


def now() -> datetime:
    """The current time in UTC at millisecond precision, as SageMaker reports times."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _constraint_violations(value: Any, shape: Any, where: str) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _constraint_violations(value[name], member, _joined(where, name))
    elif shape.type_name == "list" and isinstance(value, (list, tuple)):
        yield from _size_violations(value, len(value), shape, where)
        for index, item in enumerate(value):
            at = f"{where}.{index + 1}.member"
            yield from _constraint_violations(item, shape.member, at)
    elif shape.type_name == "map" and isinstance(value, Mapping):
        yield from _size_violations(value, len(value), shape, where)
        for key, item in value.items():
            yield from _string_violations(key, shape.key, f"{where}.key")
            yield from _constraint_violations(item, shape.value, f"{where}.{key}.member")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _string_violations(value, shape, where)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _size_violations(value, value, shape, where, "value")


def _joined(where: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{where}.{name}" if where else name


def _string_violations(value: str, shape: Any, where: str) -> Iterator[str]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _violation(value, where, f"satisfy enum value set: {sorted(allowed)}")
    yield from _size_violations(value, len(value), shape, where)
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled is not None and compiled.fullmatch(value) is None:
        yield _violation(value, where, f"satisfy regular expression pattern: {pattern}")


def _size_violations(
    value: Any, size: float, shape: Any, where: str, measure: str = "length"
) -> Iterator[str]:
    # ParamValidator has reported minima already.
    most = shape.metadata.get("max")
    if most is not None and size > most:
        yield _violation(value, where, f"have {measure} less than or equal to {most}")


def _violation(value: Any, where: str, rule: str) -> str:
    return f"Value '{value}' at '{where}' failed to satisfy constraint: Member must {rule}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python, or None for one of the few that Python cannot read."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if text in "[]":
            inside = text == "["
        if token.group(1):
            if token.group(1) not in _JAVA_CLASSES:
                return None
            text = _JAVA_CLASSES[token.group(1)]
            text = text if inside else f"[{text}]"
        parts.append(r"\Z" if text == r"\z" else text)
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return None


def from_properties(api: str, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's properties as an operation's input: they come as text, the API wants numbers."""
    shape = operation_model(api, operation).input_shape
    assert shape is not None
    converted: dict[str, Any] = _converted(dict(properties), shape)
    return converted


def _converted(value: Any, shape: Any) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        members = shape.members
        return {
            key: _converted(item, members[key]) if key in members else item
            for key, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_converted(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _converted(item, shape.value) for key, item in value.items()}
    return _scalar(value, kind)


def _scalar(value: Any, kind: str) -> Any:
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "string" and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, str) and kind in ("integer", "long", "float", "double"):
        try:
            return int(value) if kind in ("integer", "long") else float(value)
        except ValueError:
            return value
    return value
