"""Which stack may know which: edges point one way, and each is declared here."""

from __future__ import annotations

import json
import re

import pytest

from tests.synth import ENVIRONMENTS, MODEL, STACK_NAMES, assembly, templates

# stack -> the stacks whose outputs it reads.
EDGES: dict[str, set[str]] = {
    "security": set(),
    "network": {"security"},
    "data-lake": {"security", "network"},
    "ingestion": {"security", "network", "data-lake"},
    "processing": {"security", "network", "data-lake"},
    "training": {"security", "network", "data-lake", "processing"},
    "serving": {"security", "network", "data-lake", "training"},
    "monitor": {"security", "network", "data-lake", "processing", "training", "serving"},
    "api": {"security", "network"},
    "monitoring": {"security", "ingestion", "training", "serving", "monitor", "api"},
    "audit": {"security", "data-lake"},
}
# The API calls the endpoint by its fixed name, so nothing but the order says that it must exist.
ORDER_ONLY: dict[str, set[str]] = {"api": {"serving"}}
_OUTPUT_OF = re.compile(r'"Fn::GetStackOutput": \{"StackName": "([^"]+)"')
_ANYTHING_IMPORTED = re.compile(r'"Fn::ImportValue"')


def references(environment: str) -> dict[str, set[str]]:
    """stack -> stacks whose outputs its template reads."""
    found: dict[str, set[str]] = {}
    for stack, template in templates(environment).items():
        names = set(_OUTPUT_OF.findall(json.dumps(template)))
        prefix = f"Millrace-flights-{environment}-"
        assert all(name.startswith(prefix) for name in names)
        found[stack] = {name.removeprefix(prefix).removesuffix(f"-{MODEL}") for name in names}
    return found


def deploy_order(environment: str) -> dict[str, set[str]]:
    """stack -> stacks that the CLI deploys before it."""
    manifest = json.loads((assembly(environment) / "manifest.json").read_text())
    stacks = {
        name: artifact
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    return {
        name.removesuffix(f"-{MODEL}"): {
            other.removesuffix(f"-{MODEL}")
            for other in artifact.get("dependencies", [])
            if other in stacks
        }
        for name, artifact in stacks.items()
    }


def _without_capabilities(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without what an optional capability's alarms look at."""
    return edges | {"monitoring": edges["monitoring"] - {"data-lake"}}


def test_declared_edges_point_one_way() -> None:
    assert list(EDGES) == list(STACK_NAMES)
    for position, stack in enumerate(STACK_NAMES):
        assert EDGES[stack] <= set(STACK_NAMES[:position])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_read_what_is_declared(environment: str) -> None:
    assert _without_capabilities(references(environment)) == EDGES


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cli_deploys_in_the_order_of_the_edges(environment: str) -> None:
    order = _without_capabilities(deploy_order(environment))
    for stack, before in order.items():
        position = STACK_NAMES.index(stack)
        assert before == EDGES[stack] | ORDER_ONLY.get(stack, set())
        assert before <= set(STACK_NAMES[:position])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_exported_or_imported_by_cloudformation(environment: str) -> None:
    for template in templates(environment).values():
        assert not _ANYTHING_IMPORTED.search(json.dumps(template))
        for output in template.get("Outputs", {}).values():
            assert "Export" not in output


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_output_that_is_read_exists(environment: str) -> None:
    wanted = re.compile(
        r'"Fn::GetStackOutput": \{"StackName": "([^"]+)"[^}]*"OutputName": "([^"]+)"'
    )
    prefix = f"Millrace-flights-{environment}-"
    found = templates(environment)
    for template in found.values():
        for stack, output in wanted.findall(json.dumps(template)):
            assert output in found[stack.removeprefix(prefix).removesuffix(f"-{MODEL}")]["Outputs"]
