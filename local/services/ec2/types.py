"""Rules of security groups, flow logs, and the VPC attributes constructs read."""

from __future__ import annotations

import secrets
from typing import Any

from local.emulator import role_trust
from local.emulator.extensions import ResourceType, Tables
from local.emulator.private_tables import pin
from local.emulator.provisioning import tag_list

pin("ministack.services.ec2", _security_groups="scoped", _vpcs="scoped", _flow_logs="scoped")
pin("ministack.services.cloudformation.provisioners", _ec2_sg_permissions="callable")

_RULE_TYPES = {
    "AWS::EC2::SecurityGroupIngress": "IpPermissions",
    "AWS::EC2::SecurityGroupEgress": "IpPermissionsEgress",
}
_rules: dict[str, tuple[str, str, dict[str, Any]]] = {}


def _group(group_id: str, kind: str) -> dict[str, Any]:
    from ministack.services import ec2

    group = ec2._security_groups.get(group_id)
    if group is None:
        raise ValueError(f"{kind}: the security group '{group_id}' does not exist")
    found: dict[str, Any] = group
    return found


def _rule_type(kind: str, table: str) -> ResourceType:
    def create(_logical: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        from ministack.services.cloudformation import provisioners

        group = _group(props["GroupId"], kind)
        permission = provisioners._ec2_sg_permissions([props])[0]
        if permission in group[table]:
            raise ValueError(f"{kind}: the same rule already exists in {props['GroupId']}")
        if table == "IpPermissionsEgress":
            # A group without declared egress has EC2's allow-all rule; CDK's placeholder stays.
            group[table] = [rule for rule in group[table] if not _is_allow_all(rule)]
        group[table].append(permission)
        rule_id = f"sgr-{secrets.token_hex(9)[:17]}"
        _rules[rule_id] = (props["GroupId"], table, permission)
        return rule_id, {"Id": rule_id}

    def delete(physical_id: str, _props: dict[str, Any]) -> None:
        from ministack.services import ec2

        group_id, where, permission = _rules.pop(physical_id, ("", table, {}))
        group = ec2._security_groups.get(group_id)
        if group is not None and permission in group[where]:
            group[where].remove(permission)

    keys = {
        "CidrIp", "CidrIpv6", "DestinationPrefixListId", "DestinationSecurityGroupId", "FromPort",
        "GroupId", "IpProtocol", "SourcePrefixListId", "SourceSecurityGroupId",
        "SourceSecurityGroupOwnerId", "ToPort",
    }  # fmt: skip
    return ResourceType(kind, create, delete, update=_describe_rule, create_only=frozenset(keys))


def _is_allow_all(rule: dict[str, Any]) -> bool:
    return rule.get("IpProtocol") == "-1" and any(
        entry.get("CidrIp") == "0.0.0.0/0" for entry in rule.get("IpRanges", [])
    )


def _describe_rule(
    physical_id: str,
    _old: dict[str, Any],
    _new: dict[str, Any],
    _stack: str,
    _logical: str | None,
) -> tuple[str, dict[str, Any]]:
    """Only the description is mutable."""
    return physical_id, {"Id": physical_id}


def _create_flow_log(
    _logical: str, props: dict[str, Any], _stack: str
) -> tuple[str, dict[str, Any]]:
    from ministack.services import ec2

    if props.get("ResourceType") == "VPC" and props["ResourceId"] not in ec2._vpcs:
        raise ValueError(f"AWS::EC2::FlowLog: VPC '{props['ResourceId']}' does not exist")
    # AWS says so later, by a flow log whose status is "Access error"; nothing runs it here.
    if role := props.get("DeliverLogsPermissionArn"):
        role_trust.assert_trusted(role, "vpc-flow-logs.amazonaws.com")
    flow_log = f"fl-{secrets.token_hex(9)[:17]}"
    ec2._flow_logs[flow_log] = {
        "FlowLogId": flow_log,
        "ResourceId": props["ResourceId"],
        "ResourceType": props.get("ResourceType", "VPC"),
        "TrafficType": props.get("TrafficType", "ALL"),
        "LogDestinationType": props.get("LogDestinationType", "cloud-watch-logs"),
        "LogDestination": props.get("LogDestination") or props.get("LogGroupName", ""),
        "FlowLogStatus": "ACTIVE",
        "CreationTime": ec2._now_ts(),
    }
    ec2._tags[flow_log] = tag_list(props)
    return flow_log, {"Id": flow_log}


def _delete_flow_log(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import ec2

    ec2._flow_logs.pop(physical_id, None)


def _update_flow_log(
    physical_id: str,
    _old: dict[str, Any],
    new: dict[str, Any],
    _stack: str,
    _logical: str | None,
) -> tuple[str, dict[str, Any]]:
    """Only tags are mutable."""
    from ministack.services import ec2

    ec2._tags[physical_id] = tag_list(new)
    return physical_id, {"Id": physical_id}


pin("ministack.services.ec2", _now_ts="callable", _tags="scoped")

_FLOW_LOG_CREATE_ONLY = frozenset(
    {
        "DeliverCrossAccountRole", "DeliverLogsPermissionArn", "DestinationOptions",
        "LogDestination", "LogDestinationType", "LogFormat", "LogGroupName",
        "MaxAggregationInterval", "ResourceId", "ResourceType", "TrafficType",
    }
)  # fmt: skip


def types() -> list[ResourceType]:
    """The types of this module."""
    flow_log = ResourceType(
        "AWS::EC2::FlowLog",
        _create_flow_log,
        _delete_flow_log,
        update=_update_flow_log,
        create_only=_FLOW_LOG_CREATE_ONLY,
    )
    return [flow_log, *(_rule_type(kind, table) for kind, table in _RULE_TYPES.items())]


def attach(tables: Tables) -> None:
    """Give VPCs the attributes ``CidrBlock`` and ``CidrBlockAssociations``."""
    entry = tables.resource_handlers["AWS::EC2::VPC"]
    create, update = entry["create"], entry["update"]

    def attributes(vpc_id: str, known: dict[str, Any]) -> dict[str, Any]:
        from ministack.services import ec2

        association = f"vpc-cidr-assoc-{vpc_id.removeprefix('vpc-')}"
        block = ec2._vpcs[vpc_id]["CidrBlock"]
        return known | {"CidrBlock": block, "CidrBlockAssociations": [association]}

    def create_vpc(*args: Any) -> tuple[str, dict[str, Any]]:
        vpc_id, known = create(*args)
        return vpc_id, attributes(vpc_id, known)

    def update_vpc(*args: Any) -> tuple[str, dict[str, Any]]:
        vpc_id, known = update(*args)
        return vpc_id, attributes(vpc_id, known)

    entry.update(create=create_vpc, update=update_vpc)
