"""What may open a connection to what, derived from groups, routes and endpoints.

A connection needs an egress rule of the caller's group, an ingress rule of the target's group and
a route. Subnets without any route of their own reach the VPC and its gateway endpoints only. A rule
that no connection needs is loose: it waits for its other half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from config.settings import Settings
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
UNKNOWN: Mapping[str, str] = MappingProxyType({})


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
    loose: list[Opening]
    """Rules without a counterpart on the other side, and rules that admit addresses."""


def prefix_lists(settings: Settings) -> Mapping[str, str]:
    """Service by AWS's list of its addresses, as far as the settings name them."""
    given = settings.network.prefix_lists
    return given.services if given else UNKNOWN


def reachability(assembly: Assembly, lists: Mapping[str, str] = UNKNOWN) -> Reachability:
    """Derive the matrix from the templates.

    Args:
        assembly: the templates.
        lists: service by prefix list; a list that is not among them may be any service's.
    """
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
        if (found := _ports(all_rules, group, target, address_range, way_out=out, lists=lists))
    }
    return Reachability(
        groups=groups,
        targets=everything,
        ports=ports,
        outside=[workload for workload in placed if not workload.groups],
        address_range=address_range,
        loose=[rule for rule in all_rules if not _matched(rule, all_rules, lists)],
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
    all_rules: list[Opening],
    group: str,
    target: Target,
    address_range: str,
    *,
    way_out: bool,
    lists: Mapping[str, str],
) -> str:
    """Ports open from a group to a target, as text; empty when there are none."""
    leaving = [rule for rule in all_rules if rule.kind == "egress" and rule.subject == group]
    if target.kind == "internet":
        open_rules = [rule for rule in leaving if rule.peer in ANYWHERE and way_out]
    elif target.kind == "gateway":
        # The service answers on public addresses: by prefix list, or by a rule to anywhere.
        open_rules = [
            rule
            for rule in leaving
            if rule.peer in ANYWHERE or _prefix_list(rule.peer, target.name, lists)
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


def _prefix_list(peer: str, service: str, lists: Mapping[str, str]) -> bool:
    """Whether the peer may be the list of a service's addresses; one we don't know may be any."""
    listed = peer.startswith("pl-") or "prefix" in peer.lower()
    return listed and lists.get(peer, service) == service


def _matched(rule: Opening, all_rules: list[Opening], lists: Mapping[str, str]) -> bool:
    """Whether the rule has its other half: the peer's own rule, or a gateway's addresses."""
    if rule.kind == "egress" and (rule.peer in lists or (not lists and rule.peer in ANYWHERE)):
        return True
    other = "ingress" if rule.kind == "egress" else "egress"
    return any(
        (half.kind, half.subject, half.peer) == (other, rule.peer, rule.subject)
        and _overlap(half.ports, rule.ports)
        for half in all_rules
    )


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
