"""What the account holds already, against quotas on how much it may hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry
from operations.preflight.quotas import Need, Quotas

STREAM = "AWS::KinesisFirehose::DeliveryStream"
ENDPOINT = "AWS::EC2::VPCEndpoint"
# Regions where a new stream takes more by Direct PUT: MiB, records and requests a second.
# https://docs.aws.amazon.com/firehose/latest/dev/limits.html
_LARGER = frozenset({"us-east-1", "us-west-2", "eu-west-1"})
_DIRECT_PUT = {True: (5, 500_000, 2_000), False: (1, 100_000, 1_000)}


def network(inquiry: Inquiry, quotas: Quotas) -> Iterator[Answer]:
    """The VPC and its endpoints; elastic addresses only if a template has one."""
    ec2 = inquiry.client("ec2")
    needs = []
    if added := inquiry.added("AWS::EC2::VPC"):
        there = len(ec2.describe_vpcs()["Vpcs"])
        needs.append(Need("vpc", "VPCs per Region", there + added, f"{there} there, {added} new"))
    kinds = [point.get("VpcEndpointType", "Gateway") for point in inquiry.resources(ENDPOINT)]
    interfaces = kinds.count("Interface")
    if interfaces:
        needs.append(Need("vpc", "Interface VPC endpoints per VPC", interfaces, "in our VPC"))
    if inquiry.added(ENDPOINT) and "Gateway" in kinds:
        there, added = _gateways(ec2), kinds.count("Gateway")
        needs.append(
            Need("vpc", "Gateway VPC endpoints per Region", there + added,
                 f"{there} there, {added} new")
        )  # fmt: skip
    if added := inquiry.added("AWS::EC2::EIP"):
        there = len(ec2.describe_addresses()["Addresses"])
        needs.append(
            Need("ec2", "EC2-VPC Elastic IPs", there + added, f"{there} there, {added} new")
        )
    yield from quotas.compare(needs)


def _gateways(ec2: Any) -> int:
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate()
    return sum(
        point.get("VpcEndpointType", "Gateway") == "Gateway"
        for page in pages
        for point in page["VpcEndpoints"]
    )


def identities(inquiry: Inquiry) -> Iterator[Answer]:
    """Roles and customer managed policies: quotas of the account, in one answer of IAM."""
    summary = inquiry.client("iam").get_account_summary()["SummaryMap"]
    for kind, there, quota, code in (
        ("AWS::IAM::Role", "Roles", "RolesQuota", "L-FE177D64"),
        ("AWS::IAM::ManagedPolicy", "Policies", "PoliciesQuota", "L-E95E4862"),
    ):
        added = inquiry.added(kind)
        wanted = summary[there] + added
        said = f"{summary[quota]}; wanted: {wanted} ({summary[there]} there, {added} new)"
        low = wanted > summary[quota]
        yield Answer(
            f"iam: {there.lower()} in the account",
            State.TOO_LOW if low else State.OK,
            said,
            # IAM's quotas are those of one Region for all.
            "aws service-quotas request-service-quota-increase --region us-east-1 "
            f"--service-code iam --quota-code {code} --desired-value {wanted}"
            if low
            else "",
        )


def firehose(inquiry: Inquiry, quotas: Quotas) -> Iterator[Answer]:
    """Streams in the Region, and what each takes by Direct PUT before it throttles."""
    if added := inquiry.added(STREAM):
        there = _streams(inquiry.client("firehose"))
        need = Need("firehose", "Delivery streams", there + added, f"{there} there, {added} new")
        yield from quotas.compare([need])
    direct = [s for s in inquiry.resources(STREAM) if s.get("DeliveryStreamType") == "DirectPut"]
    if direct:
        region = inquiry.settings.region
        rate, records, requests = _DIRECT_PUT[region in _LARGER]
        said = (
            f"a new stream takes {rate} MiB, {records:,} records and {requests:,} requests a "
            f"second in {region}; more is throttled at first, and raised by AWS's limits form"
        )
        yield Answer("firehose: Direct PUT of a stream", State.OK, said)


def _streams(client: Any) -> int:
    count = 0
    start: dict[str, str] = {}
    while True:
        page = client.list_delivery_streams(Limit=100, **start)
        count += len(page["DeliveryStreamNames"])
        if not page["HasMoreDeliveryStreams"]:
            return count
        start = {"ExclusiveStartDeliveryStreamName": page["DeliveryStreamNames"][-1]}
