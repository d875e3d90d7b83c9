"""Which VPC endpoint a workload's request takes, and whether security groups let it get there.

No packets are filtered here: every server is on the host's loopback. What AWS would do to the
connection is decided from the emulator's own tables instead, before the endpoint's policy is asked.
With private DNS an interface endpoint takes every call to its service from its VPC; one that the
caller's groups cannot reach leaves it waiting for a time-out, which becomes a refusal here.

https://docs.aws.amazon.com/vpc/latest/privatelink/interface-endpoints.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.emulator.private_tables import pin

pin(
    "ministack.services.ec2",
    _vpc_endpoints="scoped",
    _route_tables="scoped",
    _security_groups="scoped",
    _subnets="scoped",
)

HTTPS = 443
# Services that are reached through a gateway in the route table.
GATEWAYS = ("s3", "dynamodb")
# The last part of an endpoint's service name, where it is not IAM's prefix.
_SERVICES = {"cloudwatch": "monitoring", "sagemaker": "sagemaker.api"}
_INVOKE = "sagemaker:invoke"
# AWS's own lists in eu-west-1; another list may be any service's.
# https://docs.aws.amazon.com/powershell/latest/reference/items/Get-EC2PrefixList.html
_PREFIX_LISTS = {"pl-6da54004": "s3", "pl-6fa54006": "dynamodb"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workload's network interfaces are. Without groups: in the VPC's default group."""

    subnets: tuple[str, ...]
    groups: tuple[str, ...] = ()


def service_of(action: str) -> str:
    """The service, as endpoints are named, that an IAM action is called on."""
    if action.lower().startswith(_INVOKE):
        return "sagemaker.runtime"
    prefix = action.partition(":")[0]
    return _SERVICES.get(prefix, prefix)


def gateway(subnets: Sequence[str], service: str) -> dict[str, Any] | None:
    """The gateway endpoint for a service in the route tables of all these subnets.

    With one subnet that has none, AWS would refuse some of the calls; here all are refused.
    """
    tables = {_route_table(subnet) for subnet in subnets}
    for endpoint in _endpoints(service, "Gateway"):
        if tables and tables <= set(endpoint["RouteTableIds"]):
            return endpoint
    return None


def interface(subnets: Sequence[str], service: str) -> dict[str, Any] | None:
    """The endpoint that private DNS answers with in the subnets' VPC."""
    from ministack.services import ec2

    places = {ec2._subnets[subnet]["VpcId"] for subnet in subnets if subnet in ec2._subnets}
    return next((e for e in _endpoints(service, "Interface") if e["VpcId"] in places), None)


def isolated(subnets: Sequence[str]) -> bool:
    """Whether nothing but the VPC and its gateways can be reached from there."""
    from ministack.services import ec2

    tables = {_route_table(subnet) for subnet in subnets}
    routes = [route for t in tables if t for route in ec2._route_tables[t]["Routes"]]
    ways_out = [route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    return "" not in tables and not ways_out


def lets_out_to(place: Place, service: str) -> bool:
    """Whether the groups let requests out to a service behind a gateway endpoint."""

    def names(rule: Mapping[str, Any]) -> bool:
        lists = [entry["PrefixListId"] for entry in rule.get("PrefixListIds", [])]
        return _anywhere(rule) or any(_PREFIX_LISTS.get(one, service) == service for one in lists)

    return not place.groups or any(names(rule) for rule in _rules(place.groups, "Egress"))


def admitted(place: Place, endpoint: Mapping[str, Any]) -> bool:
    """Whether the caller's groups let requests out to the endpoint, and its groups let them in."""
    theirs = set(endpoint.get("SecurityGroupIds", []))
    out = not place.groups or any(
        _anywhere(rule) or theirs & _peers(rule) for rule in _rules(place.groups, "Egress")
    )
    return out and any(
        rule.get("IpRanges") or _peers(rule) & set(place.groups)
        for rule in _rules(sorted(theirs), "")
    )


def _endpoints(service: str, kind: str) -> list[dict[str, Any]]:
    from ministack.services import ec2

    return [
        endpoint
        for endpoint in ec2._vpc_endpoints.values()
        if endpoint["VpcEndpointType"] == kind
        and str(endpoint["ServiceName"]).endswith(f".{service}")
    ]


def _route_table(subnet: str) -> str:
    from ministack.services import ec2

    for table in ec2._route_tables.values():
        if any(entry.get("SubnetId") == subnet for entry in table.get("Associations", [])):
            return str(table["RouteTableId"])
    return ""


def _rules(groups: Sequence[str], direction: str) -> Iterator[dict[str, Any]]:
    """Rules of the groups that hold for HTTPS; ``direction`` is ``Egress`` or empty."""
    from ministack.services import ec2

    for group in groups:
        for rule in ec2._security_groups.get(group, {}).get(f"IpPermissions{direction}", []):
            if rule["IpProtocol"] == "-1" or _holds(rule):
                yield rule


def _holds(rule: Mapping[str, Any]) -> bool:
    low, high = int(rule.get("FromPort", 0)), int(rule.get("ToPort", 65535))
    return rule["IpProtocol"] == "tcp" and low <= HTTPS <= high


def _anywhere(rule: Mapping[str, Any]) -> bool:
    return any(entry.get("CidrIp") == "0.0.0.0/0" for entry in rule.get("IpRanges", []))


def _peers(rule: Mapping[str, Any]) -> set[str]:
    return {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", []) if "GroupId" in pair}
