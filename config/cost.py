"""What a deployment costs while nothing happens, counted from its templates.

``python -m config.cost <assembly folder>`` prints the lines of one synthesised deployment;
``docs/cost.md`` holds them for dev and prod and a test keeps it up to date. Use is priced by the
unit in :data:`PER_USE`, because volume is the reader's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOURS_PER_MONTH = 730

# List prices in USD, Region us-east-1 (others differ by about a tenth), as known in 2025 and not
# fetched from AWS when this was written: compare with the page before you rely on one.
INTERFACE_ENDPOINT_HOUR = 0.01
KEY_MONTH = 1.00
ALARM_MONTH = 0.10
HIGH_RESOLUTION_ALARM_MONTH = 0.30
COMPOSITE_ALARM_MONTH = 0.50
DASHBOARD_MONTH = 3.00
WEB_ACL_MONTH = 5.00
WEB_ACL_RULE_MONTH = 1.00
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


PER_USE: tuple[tuple[str, str, str], ...] = (
    ("Firehose, direct put", "$0.029 per GB, each record rounded up to 5 KB", "firehose/pricing"),
    ("Firehose, Parquet conversion", "$0.018 per GB, rounded alike", "firehose/pricing"),
    ("Firehose, dynamic partitioning", "$0.020 per GB delivered, $0.005 per 1,000 objects",
     "firehose/pricing"),
    ("Glue Spark job", "$0.44 per DPU-hour; G.1X is 1 DPU, G.2X is 2; a minute at least",
     "glue/pricing"),
    ("SageMaker training and processing", "ml.m5.large $0.115, ml.m5.2xlarge $0.461 per hour; "
     "managed Spot often 60 to 70 % less", "sagemaker/ai/pricing"),
    ("API Gateway, REST", "$3.50 per million requests", "api-gateway/pricing"),
    ("WAF requests", "$0.60 per million", "waf/pricing"),
    ("Lambda, arm64", "$0.20 per million calls and $0.0000133 per GB-second", "lambda/pricing"),
    ("CloudTrail data events", "$0.10 per 100,000 and trail", "cloudtrail/pricing"),
    ("CloudTrail management events", "the first copy in an account is free, each further trail's "
     "$2.00 per 100,000", "cloudtrail/pricing"),
    ("CloudWatch logs", "$0.50 per GB in, $0.03 per GB and month kept", "cloudwatch/pricing"),
    ("CloudWatch custom metric", "$0.30 per metric and month", "cloudwatch/pricing"),
    ("S3 standard", "$0.023 per GB and month, $0.005 per 1,000 PUT", "s3/pricing"),
    ("S3 replication", "$0.02 per GB to another Region, $0.005 per 1,000 objects, and the storage "
     "there", "s3/pricing"),
    ("AWS Backup, DynamoDB", "$0.10 per GB and month", "backup/pricing"),
    ("KMS requests", "$0.03 per 10,000; bucket keys keep them few", "kms/pricing"),
    ("Interface endpoint data", "$0.01 per GB", "privatelink/pricing"),
    ("Athena", "$5 per TB scanned", "athena/pricing"),
    ("Step Functions, standard", "$0.025 per 1,000 state transitions", "step-functions/pricing"),
)  # fmt: skip


def _resources(templates: Iterable[Resource]) -> list[Resource]:
    return [item for template in templates for item in template.get("Resources", {}).values()]


def idle_lines(templates: Iterable[Resource]) -> list[Line]:
    """Costs by the clock of one deployment, dearest first; nothing that is free is listed."""
    resources = _resources(templates)
    lines = [
        _interface_endpoints(resources),
        *_hosting(resources),
        *_alarms(resources),
        *_firewall(resources),
        *(
            Line(what, sum(item["Type"] == kind for item in resources), price, page)
            for what, kind, price, page in (
                ("customer-managed key", "AWS::KMS::Key", KEY_MONTH, "kms/pricing"),
                ("dashboard", "AWS::CloudWatch::Dashboard", DASHBOARD_MONTH, "cloudwatch/pricing"),
            )
        ),
    ]
    return sorted((line for line in lines if line.count), key=lambda line: -line.month)


def _interface_endpoints(resources: list[Resource]) -> Line:
    """Interfaces: endpoints times zones; gateway endpoints cost nothing."""
    count = sum(
        len(item["Properties"]["SubnetIds"])
        for item in resources
        if item["Type"] == "AWS::EC2::VPCEndpoint"
        and item["Properties"].get("VpcEndpointType") == "Interface"
    )
    price = INTERFACE_ENDPOINT_HOUR * HOURS_PER_MONTH
    return Line("interface endpoint, each zone", count, price, "privatelink/pricing")


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


def _alarms(resources: list[Resource]) -> Iterator[Line]:
    alarms = [item["Properties"] for item in resources if item["Type"] == "AWS::CloudWatch::Alarm"]
    fast = sum(int(alarm.get("Period", 60)) < HIGH_RESOLUTION_SECONDS for alarm in alarms)
    composite = sum(item["Type"] == "AWS::CloudWatch::CompositeAlarm" for item in resources)
    page = "cloudwatch/pricing"
    yield Line("alarm", len(alarms) - fast, ALARM_MONTH, page)
    yield Line("high-resolution alarm", fast, HIGH_RESOLUTION_ALARM_MONTH, page)
    yield Line("composite alarm", composite, COMPOSITE_ALARM_MONTH, page)


def _firewall(resources: list[Resource]) -> Iterator[Line]:
    webs = [item["Properties"] for item in resources if item["Type"] == "AWS::WAFv2::WebACL"]
    rules = sum(len(web.get("Rules", [])) for web in webs)
    yield Line("WAF web ACL", len(webs), WEB_ACL_MONTH, "waf/pricing")
    yield Line("WAF rule", rules, WEB_ACL_RULE_MONTH, "waf/pricing")


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
    rows = [f"| {what} | {price} | {page} |" for what, price, page in PER_USE]
    return "\n".join(["| use | price | aws.amazon.com/… |", "|---|---|---|", *rows])


def read_templates(folder: Path) -> list[Resource]:
    """Every template of an assembly."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.template.json"))]


if __name__ == "__main__":
    sys.stdout.write(markdown(idle_lines(read_templates(Path(sys.argv[1])))) + "\n")
