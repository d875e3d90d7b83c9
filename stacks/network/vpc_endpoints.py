"""Ways out of the isolated VPC: AWS services only, each for its users, each with a policy.

Every interface endpoint has a security group that lets in the groups of its users and nobody else,
and they alone have a rule towards it. Behind that, the endpoint's policy admits roles of this
deployment, on resources of this account, for the calls of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from stacks.kit.base_stack import BaseStack
from stacks.network.endpoint_table import (
    AWS_BUCKETS,
    GATEWAY_ENDPOINTS,
    INTERFACE_ENDPOINTS,
    STORAGE,
    AwsBucket,
    InterfaceEndpoint,
)
from stacks.network.security_groups import HTTPS, rules_of


def add_endpoints(
    stack: BaseStack,
    vpc: ec2.Vpc,
    groups: Mapping[str, ec2.SecurityGroup],
) -> ec2.GatewayVpcEndpoint:
    """Create gateway endpoints in every subnet, interface endpoints in the settings' zones.

    Returns the endpoint of S3, which bucket policies name.
    """
    gateways = {}
    for gateway in GATEWAY_ENDPOINTS:
        endpoint = vpc.add_gateway_endpoint(gateway.construct_id, service=gateway.service)
        endpoint.add_to_policy(_of_this_deployment(stack, gateway.actions))
        gateways[gateway.construct_id] = endpoint
    storage = gateways[STORAGE.construct_id]
    for bucket in AWS_BUCKETS:
        storage.add_to_policy(_aws_bucket(stack, bucket))
    for interface in INTERFACE_ENDPOINTS:
        _add_interface(stack, vpc, interface, groups)
    return storage


def _add_interface(
    stack: BaseStack,
    vpc: ec2.Vpc,
    endpoint: InterfaceEndpoint,
    groups: Mapping[str, ec2.SecurityGroup],
) -> None:
    network = stack.settings.network
    zones = list(network.availability_zones[: network.interface_endpoint_zones])
    interface = vpc.add_interface_endpoint(
        endpoint.construct_id,
        service=endpoint.service,
        open=False,
        private_dns_enabled=True,
        security_groups=[_endpoint_group(stack, vpc, endpoint, groups)],
        subnets=ec2.SubnetSelection(
            subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, availability_zones=zones
        ),
    )
    interface.add_to_policy(_of_this_deployment(stack, endpoint.actions))


def _endpoint_group(
    stack: BaseStack,
    vpc: ec2.Vpc,
    endpoint: InterfaceEndpoint,
    groups: Mapping[str, ec2.SecurityGroup],
) -> ec2.SecurityGroup:
    """The group of an endpoint's interfaces, with the rules on both sides.

    Who is let in stands in the group itself. The other side has to be a resource of its own, or
    the two groups would wait for each other.
    """
    name = endpoint.construct_id
    group = ec2.SecurityGroup(
        stack,
        f"{name}EndpointGroup",
        vpc=vpc,
        description=f"Millrace: network interfaces of the {name} endpoint",
        allow_all_outbound=False,
    )
    rules_of(group).security_group_ingress = [
        ec2.CfnSecurityGroup.IngressProperty(
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            source_security_group_id=groups[workload].security_group_id,
            description=f"from {workload}",
        )
        for workload in endpoint.used_by
    ]
    for workload in endpoint.used_by:
        groups[workload].add_egress_rule(group, ec2.Port.tcp(HTTPS), f"to {name}")
    return group


def _of_this_deployment(stack: BaseStack, actions: Sequence[str]) -> iam.PolicyStatement:
    """Our roles on our resources; some calls carry no resource, hence ``IfExists``."""
    return iam.PolicyStatement(
        actions=list(actions),
        principals=[iam.AnyPrincipal()],
        resources=["*"],
        conditions={
            "ArnLike": {"aws:PrincipalArn": stack.roles_arn},
            "StringEquals": {"aws:PrincipalAccount": stack.account},
            "StringEqualsIfExists": {"aws:ResourceAccount": stack.account},
        },
    )


def _aws_bucket(stack: BaseStack, bucket: AwsBucket) -> iam.PolicyStatement:
    """No principal condition: the requests are signed by an AWS service, or presigned by it."""
    pattern = bucket.pattern.format(
        region=stack.region, compact_region=stack.region.replace("-", "")
    )
    return iam.PolicyStatement(
        actions=[bucket.action],
        principals=[iam.AnyPrincipal()],
        resources=[f"arn:{stack.partition}:s3:::{pattern}"],
    )
