"""Each function gets exactly the variables that its handler reads."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from core.names import ENV_PREFIX
from lambdas.functions import FUNCTIONS
from lambdas.shared.environment import variable
from tests.synth import ENVIRONMENTS, resources

FUNCTION = "AWS::Lambda::Function"


def functions(environment: str) -> dict[str, list[dict[str, Any]]]:
    """Folder below ``lambdas/`` -> properties of the functions made from it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _stack, logical_id, resource in resources(environment, FUNCTION):
        properties = resource["Properties"]
        package, _, rest = properties["Handler"].removeprefix("lambdas.").partition(".")
        assert rest == "handler.handler", f"{logical_id}: {properties['Handler']}"
        found.setdefault(package, []).append(properties)
    return found


def _variables(properties: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_handler_is_deployed_and_nothing_else(environment: str) -> None:
    assert set(functions(environment)) == set(FUNCTIONS)
    assert len(functions(environment)["transform"]) == 2


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_template_sets_what_the_handler_reads(environment: str, function: str) -> None:
    read = {variable(one.name) for one in dataclasses.fields(FUNCTIONS[function].environment)}
    deployed = functions(environment).get(function, [])
    assert deployed
    for properties in deployed:
        assert {name for name in _variables(properties) if name.startswith(ENV_PREFIX)} == read


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_handler_can_read_the_literal_values(environment: str, function: str) -> None:
    """Values known at synth parse as the model's types; references stand in as text."""
    for properties in functions(environment)[function]:
        values = {
            name: value if isinstance(value, str) else "reference"
            for name, value in _variables(properties).items()
        }
        assert function == FUNCTIONS[function].environment.read(values).FUNCTION
