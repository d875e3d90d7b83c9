"""Security groups of the workloads: no way in, and out to the services of the tables only."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_ec2 as ec2

from stacks.kit.base_stack import BaseStack
from stacks.kit.workload import GROUPS
from stacks.network.endpoint_table import GATEWAY_ENDPOINTS, STORAGE

HTTPS = 443
_WITHIN = "between workers of one job"
_Egress = ec2.CfnSecurityGroup.EgressProperty


def workload_groups(stack: BaseStack, vpc: ec2.Vpc) -> Mapping[str, ec2.SecurityGroup]:
    """Create a group for each workload; rules towards an interface endpoint come with it."""
    return {workload: _group(stack, vpc, workload) for workload in GROUPS}


def _group(stack: BaseStack, vpc: ec2.Vpc, workload: str) -> ec2.SecurityGroup:
    purpose = GROUPS[workload]
    group = ec2.SecurityGroup(
        stack,
        f"{workload.capitalize()}Group",
        vpc=vpc,
        description=f"Millrace: {purpose.holds}",
        allow_all_outbound=False,
    )
    if purpose.among_itself:
        group.add_ingress_rule(group, ec2.Port.all_tcp(), _WITHIN)
        group.add_egress_rule(group, ec2.Port.all_tcp(), _WITHIN)
    rules_of(group).security_group_egress = [*(_public_services(stack, workload) or [_nothing()])]
    return group


def rules_of(group: ec2.SecurityGroup) -> ec2.CfnSecurityGroup:
    """The resource behind a group, for rules that stand in the group itself.

    CDK makes a resource of its own of every rule that names a group or a prefix list, and then
    leaves the group's own list empty, which EC2 reads as "everything" until the rule is made.
    """
    resource = group.node.default_child
    assert isinstance(resource, ec2.CfnSecurityGroup)
    return resource


def _public_services(stack: BaseStack, workload: str) -> list[_Egress]:
    """Rules for the services that a workload reaches by route.

    S3 and DynamoDB answer on public addresses. CloudFormation knows no attribute for the prefix
    lists that name these, so the settings give their ids; without them a rule can only say
    "anywhere", and the route tables are what ends at the two services.
    """
    used = [gateway for gateway in GATEWAY_ENDPOINTS if workload in gateway.used_by]
    listed = stack.settings.network.prefix_lists
    if listed is None:
        return [_https("S3 or DynamoDB, by route", cidr_ip="0.0.0.0/0")] if used else []
    return [
        _https(
            f"to {gateway.construct_id}",
            destination_prefix_list_id=listed.s3 if gateway is STORAGE else listed.dynamodb,
        )
        for gateway in used
    ]


def _https(description: str, **peer: str) -> _Egress:
    return _Egress(
        ip_protocol="tcp", from_port=HTTPS, to_port=HTTPS, description=description, **peer
    )


def _nothing() -> _Egress:
    """A rule that nothing matches, for a group whose list would be empty; CDK writes the same."""
    return _Egress(
        ip_protocol="icmp",
        from_port=252,
        to_port=86,
        cidr_ip="255.255.255.255/32",
        description="Disallow all traffic",
    )
