"""What AWS refuses in a VPC because of what else is in it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from typing import Any

from local.emulator.private_tables import pin
from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses_beside
from local.services.ec2.refusals import ENDPOINT

pin("ministack.services.ec2", _vpcs="scoped", _subnets="scoped", _vpc_endpoints="scoped")


def _beside(properties: Properties) -> Iterator[dict[str, Any]]:
    """Endpoints of the same service in the same VPC."""
    from ministack.services import ec2

    for endpoint in ec2._vpc_endpoints.values():
        if all(endpoint[name] == properties[name] for name in ("VpcId", "ServiceName")):
            yield endpoint


@refuses_beside("endpoint-private-names-need-dns", ENDPOINT)
def _dns(properties: Properties) -> str | None:
    from ministack.services import ec2

    vpc = ec2._vpcs.get(properties["VpcId"], {})
    # MiniStack's VPCs have EC2's defaults: support on, host names off.
    both = truth(vpc.get("EnableDnsSupport", True)) and truth(vpc.get("EnableDnsHostnames", False))
    if not truth(properties.get("PrivateDnsEnabled")) or both:
        return None
    return (
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "
        f"set to true for {properties['VpcId']}"
    )


@refuses_beside("endpoint-private-names-once", ENDPOINT)
def _conflict(properties: Properties) -> str | None:
    taken = [e["VpcEndpointId"] for e in _beside(properties) if truth(e["PrivateDnsEnabled"])]
    if not taken or not truth(properties.get("PrivateDnsEnabled")):
        return None
    return (
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
        f"{properties['ServiceName']} in the VPC {properties['VpcId']}: {taken[0]}"
    )


@refuses_beside("gateway-endpoint-route-once", ENDPOINT)
def _route(properties: Properties) -> str | None:
    wanted = set(properties.get("RouteTableIds") or [])
    for endpoint in _beside(properties):
        both = sorted(wanted & set(endpoint["RouteTableIds"]))
        if both:
            return f"route table {both[0]} already has a route to {properties['ServiceName']}"
    return None


@refuses_beside("endpoint-one-subnet-a-zone", ENDPOINT)
def _zones(properties: Properties) -> str | None:
    from ministack.services import ec2

    known = [ec2._subnets[s] for s in properties.get("SubnetIds") or [] if s in ec2._subnets]
    zones = Counter(subnet["AvailabilityZone"] for subnet in known)
    twice = [zone for zone, count in zones.items() if count > 1]
    return (
        f"Found another VPC endpoint subnet in the availability zone {twice[0]}" if twice else None
    )


@refuses_beside("subnet-lies-in-its-vpc", "AWS::EC2::Subnet")
def _inside(properties: Properties) -> str | None:
    from ministack.services import ec2

    vpc = ec2._vpcs.get(properties.get("VpcId"))
    if vpc is None or "CidrBlock" not in properties:
        return None
    block = ipaddress.IPv4Network(properties["CidrBlock"], strict=False)
    if block.subnet_of(ipaddress.IPv4Network(vpc["CidrBlock"], strict=False)):
        return None
    return f"The CIDR '{block}' is invalid: it is no part of the VPC's {vpc['CidrBlock']}"


@refuses_beside("subnets-do-not-overlap", "AWS::EC2::Subnet")
def _overlap(properties: Properties) -> str | None:
    from ministack.services import ec2

    if "CidrBlock" not in properties:
        return None
    block = ipaddress.IPv4Network(properties["CidrBlock"], strict=False)
    for subnet in ec2._subnets.values():
        other = ipaddress.IPv4Network(subnet["CidrBlock"], strict=False)
        if subnet["VpcId"] == properties.get("VpcId") and block.overlaps(other):
            return f"The CIDR '{block}' conflicts with another subnet: {subnet['SubnetId']}"
    return None
