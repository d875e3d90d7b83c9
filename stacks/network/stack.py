"""The isolated network: no route to the internet, AWS services through endpoints only."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from config.load import Deployment
from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Network, Security
from stacks.kit.log_group import encrypted_log_group
from stacks.kit.nag import acknowledge
from stacks.kit.service_role import ServiceRole, ServiceRoleProps
from stacks.network.security_groups import workload_groups
from stacks.network.vpc_endpoints import add_endpoints

SUBNET_MASK = 20


@dataclass(frozen=True, slots=True)
class NetworkProps:
    """What the network needs from before it."""

    security: Security


class NetworkStack(BaseStack):
    """VPC, endpoints, security groups by workload, flow logs."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: NetworkProps) -> None:
        super().__init__(
            scope,
            "network",
            deployment=deployment,
            description="Millrace: isolated VPC, service endpoints, security groups, flow logs",
            stateful=True,
        )
        self._props = props
        self.vpc = self._define_vpc()
        self._add_flow_logs()
        groups = workload_groups(self, self.vpc)
        storage = add_endpoints(self, self.vpc, groups)
        self.outputs = Network(
            vpc=self.vpc,
            subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=groups,
            storage_endpoint=storage.vpc_endpoint_id,
        )

    def _define_vpc(self) -> ec2.Vpc:
        network = self.settings.network
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=list(network.availability_zones),
            nat_gateways=0,
            create_internet_gateway=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Isolated",
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=SUBNET_MASK,
                )
            ],
            # CDK closes the default group by a custom resource; nothing here uses that group.
            restrict_default_security_group=False,
        )
        acknowledge(
            vpc,
            "HIPAA.Security-VPCDefaultSecurityGroupClosed",
            "NIST.800.53.R4-VPCDefaultSecurityGroupClosed",
            "NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
            "PCI.DSS.321-VPCDefaultSecurityGroupClosed",
            constraint="CloudFormation has no property for the rules of a VPC's default security "
            "group; closing it takes a custom resource with rights on every security group.",
            evidence="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
            "aws-resource-ec2-vpc.html",
            control="Every function, job, endpoint and VPC endpoint names its own group, and the "
            "VPC has no route to the internet.",
        )
        for subnet in vpc.isolated_subnets:
            acknowledge(
                subnet,
                "CloudFormation-Validate::W3010",
                constraint="Zone names are settings: a look-up would make synth depend on the "
                "account and on the day, and endpoints, Glue and subnets must agree on zones.",
                evidence="docs/adr/0025-zones-are-settings.md",
                control="The settings name zones of the settings' own Region, which is checked "
                "before any construct exists.",
            )
        return vpc

    def _add_flow_logs(self) -> None:
        group = encrypted_log_group(
            self, "FlowLogGroup", settings=self.settings, key=self._props.security.keys.logs
        )
        writer = ServiceRole(
            self,
            "FlowLogWriter",
            props=ServiceRoleProps(
                service="vpc-flow-logs.amazonaws.com",
                description="Writes VPC flow logs",
                path=self.names.role_path,
                boundary=self._props.security.boundary,
                source_arn=self.arn("ec2", "vpc-flow-log/*"),
            ),
        )
        writer.allow(
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [group.log_group_arn],
        )
        flow_log = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=group.log_group_name,
            deliver_logs_permission_arn=writer.role.role_arn,
            max_aggregation_interval=600,
        )
        flow_log.node.add_dependency(writer.policy)
