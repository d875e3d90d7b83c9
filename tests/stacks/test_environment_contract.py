"""Each function gets exactly the variables that its handler reads."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.shared.environment import MODELS, mismatches, variable
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
    assert set(functions(environment)) == set(MODELS)
    assert len(functions(environment)["transform"]) == 2


@pytest.mark.parametrize("function", sorted(MODELS))
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_template_sets_what_the_handler_reads(environment: str, function: str) -> None:
    deployed = functions(environment).get(function, [])
    assert deployed
    for properties in deployed:
        assert mismatches(function, _variables(properties)) == []


@pytest.mark.parametrize("function", sorted(MODELS))
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_handler_can_read_the_literal_values(environment: str, function: str) -> None:
    """Values known at synth parse as the model's types; references stand in as text."""
    for properties in functions(environment)[function]:
        values = {
            name: value if isinstance(value, str) else "reference"
            for name, value in _variables(properties).items()
        }
        model = MODELS[function].read(values)
        assert function == model.FUNCTION


def test_a_missing_and_a_superfluous_variable_are_both_told() -> None:
    given = {variable("stream"): "events", variable("strem"): "events", "AWS_REGION": "x"}
    told = mismatches("transform", given)
    assert len(told) == 2
    assert variable("pseudonym_key_arn") in told[0]
    assert variable("strem") in told[1]
