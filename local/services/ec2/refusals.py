"""Addresses, security groups, endpoints and flow logs of a VPC."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, policies, refuses

GROUP, ENDPOINT, FLOW_LOG = (
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::FlowLog",
)
RULE_TYPES = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
RULES_OF_GROUP = 60
ENDPOINT_POLICY = 20480
_DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
_DIRECTIONS = ("SecurityGroupIngress", "SecurityGroupEgress")


def _group_rules(properties: Properties) -> list[list[dict[str, Any]]]:
    """A group's rules by direction, or the single rule of a rule's own resource."""
    if "IpProtocol" in properties:
        return [[properties]]
    return [properties.get(direction) or [] for direction in _DIRECTIONS]


@refuses("security-group-rule-description", GROUP, *RULE_TYPES)
def _description(properties: Properties) -> str | None:
    for rules in _group_rules(properties):
        for rule in rules:
            text = str(rule.get("Description", ""))
            if not _DESCRIPTION.fullmatch(text):
                return (
                    f"Invalid rule description {text!r}. Valid descriptions are strings less than "
                    "256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
                )
    return None


@refuses("security-group-name-form", GROUP)
def _name(properties: Properties) -> str | None:
    name = str(properties.get("GroupName", "x"))
    if name.startswith("sg-") or not _DESCRIPTION.fullmatch(name):
        return f"GroupName {name}: it can't start with sg-"
    return None if properties.get("GroupDescription") else "GroupDescription must not be empty"


@refuses("security-group-ports", GROUP, *RULE_TYPES)
def _ports(properties: Properties) -> str | None:
    for rule in (rule for rules in _group_rules(properties) for rule in rules):
        if str(rule["IpProtocol"]) not in ("tcp", "udp", "6", "17"):
            continue
        low, high = int(rule.get("FromPort", -1)), int(rule.get("ToPort", -1))
        if not 0 <= low <= high <= 65535:
            return f"Invalid TCP/UDP port range ({low}:{high})"
    return None


@refuses("security-group-rules-once", GROUP)
def _once(properties: Properties) -> str | None:
    for rules in _group_rules(properties):
        given = [json.dumps({k: str(v) for k, v in rule.items() if k != "Description"},
                            sort_keys=True) for rule in rules]  # fmt: skip
        if len(set(given)) < len(given):
            return "The same permission must not appear multiple times"
    return None


@refuses("security-group-rules-count", GROUP)
def _count(properties: Properties) -> str | None:
    most = max(map(len, _group_rules(properties)))
    if most <= RULES_OF_GROUP:
        return None
    return f"The maximum number of rules per security group is {RULES_OF_GROUP}, not {most}"


@refuses("endpoint-of-its-type", ENDPOINT)
def _endpoint(properties: Properties) -> str | None:
    gateway = properties.get("VpcEndpointType", "Gateway") == "Gateway"
    foreign = ("SubnetIds", "SecurityGroupIds") if gateway else ("RouteTableIds",)
    wrong = [name for name in foreign if properties.get(name)]
    if gateway and truth(properties.get("PrivateDnsEnabled")):
        wrong.append("PrivateDnsEnabled")
    kind = "Gateway" if gateway else properties["VpcEndpointType"]
    return f"{wrong} must not be set on an endpoint of type {kind}" if wrong else None


@refuses("endpoint-policy-size", ENDPOINT)
def _policy_size(properties: Properties) -> str | None:
    length = sum(policies.characters(document) for document in policies.on_resource(properties))
    if length <= ENDPOINT_POLICY:
        return None
    return f"The endpoint policy has {length} characters; allowed: at most {ENDPOINT_POLICY}"


@refuses("flow-log-interval", FLOW_LOG)
def _interval(properties: Properties) -> str | None:
    seconds = int(properties.get("MaxAggregationInterval", 600))
    return None if seconds in (60, 600) else f"MaxAggregationInterval {seconds}: allowed: 60, 600"


@refuses("flow-log-destination", FLOW_LOG)
def _destination(properties: Properties) -> str | None:
    watches = properties.get("ResourceType") in ("VPC", "Subnet", "NetworkInterface")
    if watches and "TrafficType" not in properties:
        return "TrafficType is required unless the resource is a transit gateway"
    place = properties.get("LogDestination") or properties.get("LogGroupName")
    if not place:
        return "LogDestination or LogGroupName must be provided"
    logs = properties.get("LogDestinationType", "cloud-watch-logs") == "cloud-watch-logs"
    if logs and not properties.get("DeliverLogsPermissionArn"):
        return "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs"
    in_s3 = properties.get("LogDestinationType") == "s3"
    if in_s3 and properties.get("DeliverLogsPermissionArn"):
        return "DeliverLogsPermissionArn is not for LogDestinationType s3"
    return None


@refuses("vpc-block-size", "AWS::EC2::VPC", "AWS::EC2::Subnet")
def _block(properties: Properties) -> str | None:
    block = properties.get("CidrBlock")
    if block is None:
        return None
    try:
        length = ipaddress.IPv4Network(str(block), strict=False).prefixlen
    except ValueError:
        return (
            f"Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        )
    return None if 16 <= length <= 28 else f"The CIDR '{block}' is invalid: allowed: /16 to /28"
