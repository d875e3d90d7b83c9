"""The environment of a function as a type, ``lambdas/<name>/environment.py``.

A handler reads its model once per container; the stack that makes the function fills the same
model, so it can't be deployed without what it reads, nor with leftovers.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from core.names import ENV_PREFIX

MAY_BE_EMPTY = {"may_be_empty": True}
_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
}


class EnvironmentVariableError(RuntimeError):
    """A variable is missing or has a value that can't be read; the message names it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Environment:
    """Base of the models: field ``x_y`` is read from ``MILLRACE_X_Y``."""

    FUNCTION: ClassVar[str] = ""

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read the model from ``os.environ`` or the given variables.

        Raises:
            EnvironmentVariableError: naming the function and each missing or unreadable variable.
        """
        source = os.environ if variables is None else variables
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in dataclasses.fields(cls):
            try:
                values[field.name] = _value(field, source)
            except EnvironmentVariableError as problem:
                problems.append(str(problem))
        if problems:
            raise EnvironmentVariableError(f"function {cls.FUNCTION}: {'; '.join(problems)}")
        return cls(**values)


def variable(name: str) -> str:
    """Name of the environment variable behind a field."""
    return f"{ENV_PREFIX}{name.upper()}"


def _value(field: dataclasses.Field[Any], source: Mapping[str, str]) -> Any:
    name = variable(field.name)
    text = source.get(name)
    if text is None:
        raise EnvironmentVariableError(f"{name} is missing")
    if not text and not field.metadata.get("may_be_empty"):
        raise EnvironmentVariableError(f"{name} is empty")
    reader, expected = _READERS[str(field.type)]
    try:
        return reader(text)
    except ValueError:
        raise EnvironmentVariableError(f"{name} is {text!r}; expected {expected}") from None
