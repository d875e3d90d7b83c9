"""What a deployment costs while nothing happens, counted from its templates.

``python -m config.cost <assembly folder>`` prints the lines of one synthesised deployment;
``docs/cost.md`` holds them for dev and prod and a test keeps it up to date. Use is priced by the
unit, because volume is the reader's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import resource_types
from config.resource_types import Price, Use

HOURS_PER_MONTH = 730

# List prices in USD, Region us-east-1 (others differ by about a tenth), as known in 2025 and not
# fetched from AWS when this was written: compare with the page before you rely on one.
HOSTING_HOUR = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
}
HIGH_RESOLUTION_SECONDS = 60
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One cost that runs by the clock: ``count`` times ``price`` USD a month."""

    what: str
    count: int
    price: float
    page: str

    @property
    def month(self) -> float:
        """USD a month."""
        return self.count * self.price


# What no resource stands for; the rest is with its type in ``config/resource_types.yaml``.
OTHER_USE = {
    "SageMaker training and processing": Use(
        price="ml.m5.large $0.115, ml.m5.2xlarge $0.461 per hour; managed Spot often 60 to 70 % "
        "less",
        page="sagemaker/ai/pricing",
    ),
    "CloudWatch custom metric": Use(price="$0.30 per metric and month", page="cloudwatch/pricing"),
}


def _resources(templates: Iterable[Resource]) -> list[Resource]:
    return [item for template in templates for item in template.get("Resources", {}).values()]


def idle_lines(templates: Iterable[Resource]) -> list[Line]:
    """Costs by the clock of one deployment, dearest first; nothing that is free is listed."""
    resources = _resources(templates)
    lines = [*_hosting(resources), *_priced(resources)]
    return sorted((line for line in lines if line.count), key=lambda line: -line.month)


def _priced(resources: list[Resource]) -> Iterator[Line]:
    """Lines of the types that have prices, by what a price is for."""
    for kind, known in resource_types.table().items():
        given = [item.get("Properties", {}) for item in resources if item["Type"] == kind]
        for what, price in known.prices.items():
            count = sum(map(COUNTED.get(what, lambda _: 1), given))
            yield Line(what, count, month(price), price.page)


def month(price: Price) -> float:
    """USD a month."""
    return price.usd * (HOURS_PER_MONTH if price.per == "hour" else 1)


def _zones(endpoint: Resource) -> int:
    """Interfaces: one in each zone; gateway endpoints cost nothing."""
    return len(endpoint["SubnetIds"]) if endpoint.get("VpcEndpointType") == "Interface" else 0


def _is_fast(alarm: Resource) -> bool:
    return int(alarm.get("Period", HIGH_RESOLUTION_SECONDS)) < HIGH_RESOLUTION_SECONDS


COUNTED: dict[str, Callable[[Resource], int]] = {
    "interface endpoint, each zone": _zones,
    "alarm": lambda alarm: not _is_fast(alarm),
    "high-resolution alarm": _is_fast,
    "WAF rule": lambda web: len(web.get("Rules", [])),
}
"""How many times a resource costs a line's price, where it is not once, by its properties."""


def _hosting(resources: list[Resource]) -> Iterator[Line]:
    """Initial instances of every variant.

    Raises:
        KeyError: an instance type without a price; add it above.
    """
    counts: dict[str, int] = {}
    for item in resources:
        if item["Type"] != "AWS::SageMaker::EndpointConfig":
            continue
        properties = item["Properties"]
        for key in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in properties.get(key, []):
                if "InstanceType" in variant:
                    kind = variant["InstanceType"]
                    counts[kind] = counts.get(kind, 0) + int(variant["InitialInstanceCount"])
    for kind, count in counts.items():
        price = HOSTING_HOUR[kind] * HOURS_PER_MONTH
        yield Line(f"endpoint instance {kind}", count, price, "sagemaker/ai/pricing")


def markdown(lines: list[Line]) -> str:
    """The lines as a table with their sum."""
    rows = [
        f"| {line.what} | {line.count} | {line.price:.2f} | {line.month:.2f} | {line.page} |"
        for line in lines
    ]
    total = sum(line.month for line in lines)
    head = "| what | count | USD each a month | USD a month | aws.amazon.com/… |"
    return "\n".join([head, "|---|---|---|---|---|", *rows, f"| **sum** | | | **{total:.2f}** | |"])


def per_use_markdown() -> str:
    """Unit prices of what is used."""
    known = [use for row in resource_types.table().values() for use in row.use.items()]
    rows = [f"| {what} | {use.price} | {use.page} |" for what, use in (*known, *OTHER_USE.items())]
    return "\n".join(["| use | price | aws.amazon.com/… |", "|---|---|---|", *rows])


def read_templates(folder: Path) -> list[Resource]:
    """Every template of an assembly."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.template.json"))]


if __name__ == "__main__":
    sys.stdout.write(markdown(idle_lines(read_templates(Path(sys.argv[1])))) + "\n")
