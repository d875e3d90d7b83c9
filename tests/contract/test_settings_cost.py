"""``docs/cost.md`` says what the templates say."""

from __future__ import annotations

import re

import pytest

from config import resource_types
from config.cost import (
    idle_lines,
    markdown,
    month,
    per_use_markdown,
    read_templates,
)
from config.load import load_deployment
from stacks.network.endpoint_table import INTERFACE_ENDPOINTS
from tests.support.copies import ROOT
from tests.synth import assembly

PAGE = ROOT / "docs" / "cost.md"


def endpoint_rows() -> str:
    """A row for each interface endpoint, with who needs it."""
    prices = resource_types.of("AWS::EC2::VPCEndpoint").prices
    each = month(prices["interface endpoint, each zone"])
    return "\n".join(
        f"| {endpoint.construct_id} | {endpoint.reason} | {each:.2f} |"
        for endpoint in INTERFACE_ENDPOINTS
    )


def generated() -> dict[str, str]:
    """Name of each generated block -> its text."""
    return {
        "idle dev": markdown(idle_lines(read_templates(assembly("dev")))),
        "idle prod": markdown(idle_lines(read_templates(assembly("prod")))),
        "endpoints": endpoint_rows(),
        "use": per_use_markdown(),
    }


def updated(page: str) -> str:
    """The page with every generated block as it should be."""
    for name, text in generated().items():
        block = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, found = block.subn(lambda hit, text=text: f"{hit[1]}{text}\n{hit[2]}", page)  # type: ignore[misc]
        assert found == 1, name
    return page


def test_cost_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert page == updated(page), "run: python -m tests.contract.test_settings_cost"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_idle_cost_is_within_the_budget_of_the_settings(environment: str) -> None:
    idle = sum(line.month for line in idle_lines(read_templates(assembly(environment))))
    budget = load_deployment(environment).settings.monitoring.monthly_budget_usd
    assert 0 < idle < budget


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"Type": "AWS::KMS::Key", "Properties": {}}, ("customer-managed key", 1, 1.0)),
        (
            {
                "Type": "AWS::EC2::VPCEndpoint",
                "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]},
            },
            ("interface endpoint, each zone", 2, 14.6),
        ),
        (
            {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 10}},
            ("high-resolution alarm", 1, 0.3),
        ),
        (
            {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {
                    "ProductionVariants": [
                        {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2},
                        {"ServerlessConfig": {}},
                    ]
                },
            },
            ("endpoint instance ml.m5.large", 2, 167.9),
        ),
    ],
)
def test_a_resource_costs_what_its_properties_say(
    resource: dict[str, object], expected: tuple[str, int, float]
) -> None:
    (line,) = idle_lines([{"Resources": {"One": resource}}])
    what, count, month = expected
    assert (line.what, line.count) == (what, count)
    assert line.month == pytest.approx(month)


def test_gateway_endpoints_are_free() -> None:
    gateway = {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}}
    assert idle_lines([{"Resources": {"One": gateway}}]) == []


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
