"""What may open a connection to what, derived from groups, routes and endpoints.

A connection needs an egress rule of the caller's group, an ingress rule of the target's group and
a route. Subnets without any route of their own reach the VPC and its gateway endpoints only.
"""

from __future__ import annotations

from dataclasses import dataclass

from review.assembly import Assembly
from review.network import (
    ANYWHERE,
    Opening,
    covers_peer,
    covers_ports,
    openings,
    rules,
    service_name,
)
from review.resolve import plain
from review.workloads import Workload, workloads

INTERNET = "the internet"


@dataclass(frozen=True, slots=True)
class Target:
    """Something a workload could connect to."""

    name: str
    kind: str
    """``group``, ``interface`` (endpoint), ``gateway`` (endpoint) or ``internet``."""
    groups: tuple[str, ...] = ()
    """Groups of its network interfaces."""


@dataclass(frozen=True, slots=True)
class Reachability:
    """Ports by (group that holds workloads, target); an absent pair is no connection."""

    groups: dict[str, list[Workload]]
    targets: list[Target]
    ports: dict[tuple[str, str], str]
    outside: list[Workload]
    """Workloads that no group holds."""
    address_range: str


def reachability(assembly: Assembly) -> Reachability:
    """Derive the matrix from the templates."""
    placed = workloads(assembly)
    groups: dict[str, list[Workload]] = {}
    for workload in placed:
        for group in workload.groups:
            groups.setdefault(group, []).append(workload)
    groups = dict(sorted(groups.items()))
    address_range = _address_range(assembly)
    everything = [Target(name, "group", (name,)) for name in groups]
    everything += [*_endpoints(assembly), Target(INTERNET, "internet")]
    all_rules = list(rules(assembly))
    out = _has_way_out(openings(assembly))
    ports = {
        (group, target.name): found
        for group in groups
        for target in everything
        if (found := _ports(all_rules, group, target, address_range, way_out=out))
    }
    return Reachability(
        groups=groups,
        targets=everything,
        ports=ports,
        outside=[workload for workload in placed if not workload.groups],
        address_range=address_range,
    )


def _address_range(assembly: Assembly) -> str:
    ranges = [str(vpc.properties["CidrBlock"]) for vpc in assembly.resources("AWS::EC2::VPC")]
    return ranges[0] if ranges else ""


def _endpoints(assembly: Assembly) -> list[Target]:
    found = []
    for endpoint in assembly.resources("AWS::EC2::VPCEndpoint"):
        given = plain(assembly, endpoint.stack, endpoint.properties)
        kind = "gateway" if given.get("VpcEndpointType", "Gateway") == "Gateway" else "interface"
        groups = tuple(sorted(str(g).strip("<>") for g in given.get("SecurityGroupIds", [])))
        found.append(Target(service_name(str(given["ServiceName"])), kind, groups))
    return sorted(found, key=lambda target: (target.kind, target.name))


def _has_way_out(found: list[Opening]) -> bool:
    return any(opening.kind in {"gateway", "route"} for opening in found)


def _ports(
    all_rules: list[Opening], group: str, target: Target, address_range: str, *, way_out: bool
) -> str:
    """Ports open from a group to a target, as text; empty when there are none."""
    leaving = [rule for rule in all_rules if rule.kind == "egress" and rule.subject == group]
    if target.kind == "internet":
        open_rules = [rule for rule in leaving if rule.peer in ANYWHERE and way_out]
    elif target.kind == "gateway":
        # The service answers on public addresses: by prefix list, or by a rule to anywhere.
        open_rules = [
            rule for rule in leaving if rule.peer in ANYWHERE or _prefix_list(rule, target.name)
        ]
    else:
        open_rules = [
            rule
            for rule in leaving
            for other in target.groups
            if _reaches(rule.peer, other, address_range)
            and _admits(all_rules, other, group, address_range, rule.ports)
        ]
    found = sorted({rule.ports for rule in open_rules})
    wider = [p for p in found if not any(covers_ports(o, p) for o in found if o != p)]
    return ", ".join(wider)


def _prefix_list(rule: Opening, service: str) -> bool:
    peer = rule.peer.lower()
    listed = peer.startswith("pl-") or "prefix" in peer
    named = any(name in peer for name in ("s3", "dynamodb"))
    return listed and (service in peer or not named)


def _reaches(peer: str, group: str, address_range: str) -> bool:
    return peer == group or covers_peer(peer, address_range)


def _admits(
    all_rules: list[Opening], target: str, caller: str, address_range: str, ports: str
) -> bool:
    """Whether the target's group lets the caller in on any of the ports."""
    return any(
        rule.kind == "ingress"
        and rule.subject == target
        and (rule.peer == caller or covers_peer(rule.peer, address_range))
        and _overlap(rule.ports, ports)
        for rule in all_rules
    )


def _overlap(one: str, other: str) -> bool:
    if "all" in {one, other}:
        return True
    (protocol, _, ports), (other_protocol, _, other_ports) = (
        one.partition(" "),
        other.partition(" "),
    )
    if protocol != other_protocol:
        return False
    low, high = (int(end) for end in (ports.split("-") * 2)[:2])
    other_low, other_high = (int(end) for end in (other_ports.split("-") * 2)[:2])
    return low <= other_high and other_low <= high
