"""The network of the templates: rules, routes, endpoints and doors from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from config import resource_types
from review.assembly import Assembly, Resource
from review.resolve import plain
from review.workloads import workloads

ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
# CDK writes an impossible rule where a group must have none, for EC2 would add "allow all".
NOBODY = "255.255.255.255/32"
_TARGETS = (
    "GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId", "InstanceId", "NetworkInterfaceId", "CarrierGatewayId",
)  # fmt: skip
_PEERS = (
    "CidrIp", "CidrIpv6", "SourceSecurityGroupId", "DestinationSecurityGroupId",
    "SourcePrefixListId", "DestinationPrefixListId",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """Something that lets traffic pass. ``ports`` is ``tcp 443``, ``tcp 0-65535`` or ``all``."""

    kind: str
    subject: str
    peer: str
    ports: str = ""

    def covers(self, other: Opening) -> bool:
        """Whether whatever ``other`` lets pass, this does."""
        same = (self.kind, self.subject) == (other.kind, other.subject)
        return same and covers_peer(self.peer, other.peer) and covers_ports(self.ports, other.ports)


def covers_peer(mine: str, other: str) -> bool:
    """Whether an address range (or a named peer) contains another."""
    if mine == other:
        return True
    try:
        outer, inner = ip_network(mine), ip_network(other)
    except ValueError:
        return False
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def covers_ports(mine: str, other: str) -> bool:
    """Whether one protocol and range of ports contains another."""
    if mine in {"all", other}:
        return True
    protocol, _, ports = mine.partition(" ")
    other_protocol, _, other_ports = other.partition(" ")
    if protocol != other_protocol or not ports or not other_ports:
        return False
    low, high = _range(ports)
    other_low, other_high = _range(other_ports)
    return low <= other_low and other_high <= high


def _range(ports: str) -> tuple[int, int]:
    low, _, high = ports.partition("-")
    return int(low), int(high or low)


def openings(assembly: Assembly) -> list[Opening]:
    """Everything that lets traffic into, out of and through the network."""
    found = [
        *rules(assembly),
        *_routes(assembly),
        *_endpoints(assembly),
        *_placements(assembly),
        *_doors(assembly),
        *_public(assembly),
        *_replicas(assembly),
    ]
    return sorted(set(found))


def rules(assembly: Assembly) -> Iterator[Opening]:
    """Rules of security groups, inline and as resources of their own."""
    for group in assembly.resources("AWS::EC2::SecurityGroup"):
        given = plain(assembly, group.stack, group.properties)
        for kind in ("Ingress", "Egress"):
            for rule in given.get(f"SecurityGroup{kind}", []):
                yield from _rule(kind.lower(), group.name, rule)
        if "SecurityGroupEgress" not in given:
            yield Opening("egress", group.name, "0.0.0.0/0", "all")
    for kind in ("Ingress", "Egress"):
        for resource in assembly.resources(f"AWS::EC2::SecurityGroup{kind}"):
            rule = plain(assembly, resource.stack, resource.properties)
            yield from _rule(kind.lower(), str(rule["GroupId"]).strip("<>"), rule)


def _rule(kind: str, group: str, rule: dict[str, Any]) -> Iterator[Opening]:
    peer = next((str(rule[member]).strip("<>") for member in _PEERS if member in rule), "?")
    if peer != NOBODY:
        yield Opening(kind, group, peer, _ports(rule))


def _ports(rule: dict[str, Any]) -> str:
    protocol = str(rule.get("IpProtocol", "-1"))
    if protocol == "-1":
        return "all"
    low, high = rule.get("FromPort"), rule.get("ToPort")
    if low is None:
        return protocol
    return f"{protocol} {low}" if low == high else f"{protocol} {low}-{high}"


def _routes(assembly: Assembly) -> Iterator[Opening]:
    for resource in assembly.resources():
        if resource_types.of(resource.type).way_out:
            yield Opening("gateway", resource.name, resource.type)
    for route in assembly.resources("AWS::EC2::Route"):
        given = plain(assembly, route.stack, route.properties)
        target = next((str(given[m]).strip("<>") for m in _TARGETS if m in given), "?")
        destination = given.get("DestinationCidrBlock", given.get("DestinationIpv6CidrBlock", "?"))
        table = str(given["RouteTableId"]).strip("<>")
        yield Opening("route", table, f"{destination} via {target}")
    for subnet in assembly.resources("AWS::EC2::Subnet"):
        if subnet.properties.get("MapPublicIpOnLaunch"):
            yield Opening("public address", subnet.name, "every interface")


def _endpoints(assembly: Assembly) -> Iterator[Opening]:
    for endpoint in assembly.resources("AWS::EC2::VPCEndpoint"):
        given = plain(assembly, endpoint.stack, endpoint.properties)
        yield Opening("service endpoint", endpoint.name, service_name(str(given["ServiceName"])))


def service_name(full: str) -> str:
    """``com.amazonaws.eu-west-1.sagemaker.api`` → ``sagemaker.api``."""
    parts = full.split(".", 3)
    return parts[3] if len(parts) > 3 else full


def _placements(assembly: Assembly) -> Iterator[Opening]:
    """A workload outside the VPC is bound by none of its groups."""
    for workload in workloads(assembly):
        if not workload.groups:
            yield Opening("placement", workload.name, "outside the VPC")
        for group in workload.groups:
            yield Opening("placement", workload.name, group)


def _doors(assembly: Assembly) -> Iterator[Opening]:
    """Ways in from outside AWS's APIs: routes of an API, URLs of functions."""
    for method in assembly.resources("AWS::ApiGateway::Method"):
        route = f"{method.properties['HttpMethod']} {_api_path(assembly, method)}"
        yield Opening("API route", route, str(method.properties.get("AuthorizationType", "NONE")))
    for api in assembly.resources("AWS::ApiGateway::RestApi"):
        kinds = api.properties.get("EndpointConfiguration", {}).get("Types", ["EDGE"])
        yield Opening("API", api.name, ", ".join(kinds))
    for url in assembly.resources("AWS::Lambda::Url"):
        yield Opening("function URL", url.name, str(url.properties.get("AuthType")))


def _api_path(assembly: Assembly, method: Resource) -> str:
    parts: list[str] = []
    reference = method.properties["ResourceId"]
    while isinstance(reference, dict) and "Ref" in reference:
        resource = assembly.resource(method.stack, reference["Ref"])
        if resource is None:
            break
        parts.append(str(resource.properties["PathPart"]))
        reference = resource.properties["ParentId"]
    return "/" + "/".join(reversed(parts))


def _public(assembly: Assembly) -> Iterator[Opening]:
    """Buckets that leave one of the four public-access blocks open."""
    blocks = (
        "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
    )  # fmt: skip
    for bucket in assembly.resources("AWS::S3::Bucket"):
        given = bucket.properties.get("PublicAccessBlockConfiguration", {})
        for block in blocks:
            if given.get(block) is not True:
                yield Opening("public bucket", bucket.name, f"{block} is off")


def _replicas(assembly: Assembly) -> Iterator[Opening]:
    """Copies that S3 makes elsewhere: data that leaves the deployment without any connection."""
    for bucket in assembly.resources("AWS::S3::Bucket"):
        given = plain(assembly, bucket.stack, bucket.properties)
        for rule in given.get("ReplicationConfiguration", {}).get("Rules", []):
            to = rule["Destination"]
            account = f" in account {to['Account']}" if "Account" in to else ""
            yield Opening("replication", bucket.name, f"{to['Bucket']}{account}")
