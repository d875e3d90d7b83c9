"""The environment of every function as a type.

A handler reads its model once per container; the stacks' tests compare each template's variables
with :data:`VARIABLES`, so a function can't be deployed without what it reads, nor with leftovers.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from core.names import ENV_PREFIX, STREAMS

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


@dataclasses.dataclass(frozen=True, slots=True)
class TransformEnvironment(Environment):
    """Firehose transformation, one function for each stream."""

    FUNCTION = "transform"
    stream: str
    pseudonym_key_arn: str

    def __post_init__(self) -> None:
        if self.stream not in STREAMS:
            raise EnvironmentVariableError(
                f"function transform: {variable('stream')} is {self.stream!r}; "
                f"allowed: {', '.join(STREAMS)}"
            )


@dataclasses.dataclass(frozen=True, slots=True)
class RouterEnvironment(Environment):
    """API in front of the endpoint. ``endpoint_name`` is empty while the endpoint is off.

    ``variants`` are the names of those that answer clients, joined by commas.
    """

    FUNCTION = "router"
    endpoint_name: str = dataclasses.field(metadata=MAY_BE_EMPTY)
    variants: str
    pseudonym_key_arn: str
    batch_records: int


@dataclasses.dataclass(frozen=True, slots=True)
class LeaseEnvironment(Environment):
    """Lease and cooldown of retraining."""

    FUNCTION = "lease"
    lease_table: str
    lease_minutes: int
    cooldown_minutes: int


@dataclasses.dataclass(frozen=True, slots=True)
class GateEnvironment(Environment):
    """Data-quality and champion gates."""

    FUNCTION = "gate"
    model: str
    features_bucket: str
    artifacts_bucket: str


@dataclasses.dataclass(frozen=True, slots=True)
class RegistryEnvironment(Environment):
    """Model packages."""

    FUNCTION = "registry"
    package_group: str
    image_uri: str
    champion_parameter: str
    artifacts_bucket: str
    model: str


@dataclasses.dataclass(frozen=True, slots=True)
class RolloutEnvironment(Environment):
    """Pointers and the serving stack. Weights are the challenger's share, 0 to 1.

    ``guardrail_alarms`` are names joined by commas; none while the endpoint is off.
    """

    FUNCTION = "rollout"
    champion_parameter: str
    challenger_parameter: str
    serving_stack: str
    serving_deploy_role_arn: str
    endpoint_name: str = dataclasses.field(metadata=MAY_BE_EMPTY)
    lease_table: str
    experiment_weight: float
    challenger_weight: float
    guardrail_alarms: str = dataclasses.field(metadata=MAY_BE_EMPTY)


@dataclasses.dataclass(frozen=True, slots=True)
class PointersEnvironment(Environment):
    """Custom resource that creates the pointers."""

    FUNCTION = "pointers"
    champion_parameter: str
    challenger_parameter: str


MODELS: dict[str, type[Environment]] = {
    model.FUNCTION: model
    for model in (
        TransformEnvironment,
        RouterEnvironment,
        LeaseEnvironment,
        GateEnvironment,
        RegistryEnvironment,
        RolloutEnvironment,
        PointersEnvironment,
    )
}

# Function -> the variables it reads, all required.
VARIABLES: dict[str, frozenset[str]] = {
    function: frozenset(variable(field.name) for field in dataclasses.fields(model))
    for function, model in MODELS.items()
}


def mismatches(function: str, variables: Mapping[str, object]) -> list[str]:
    """Compare a template's environment with what the function reads.

    Args:
        function: name of the folder below ``lambdas/``.
        variables: ``Environment.Variables`` of the template; values may be references. Names
            without the ``MILLRACE_`` prefix (Powertools, AWS) are left alone.

    Returns:
        One sentence for each difference; empty when they agree.
    """
    given = {name for name in variables if name.startswith(ENV_PREFIX)}
    expected = VARIABLES[function]
    return [
        *(f"{function} reads {name}, which is not set" for name in sorted(expected - given)),
        *(f"{function} never reads {name}, which is set" for name in sorted(given - expected)),
    ]
