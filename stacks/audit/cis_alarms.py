"""Alarms on what an intruder or a mistake does to an account (CIS AWS Foundations, section 4).

The patterns are the benchmark's own: they read the trail's log group, so they watch the whole
account and not this deployment alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.alarm import RUNBOOK


@dataclass(frozen=True, slots=True)
class Watch:
    """One kind of call that wakes somebody."""

    name: str
    what: str
    pattern: str


def _calls(source: str, *names: str) -> str:
    alternatives = " || ".join(f"($.eventName = {name})" for name in names)
    return f"{{ ($.eventSource = {source}.amazonaws.com) && ({alternatives}) }}"


def _named(*names: str) -> str:
    return "{ " + " || ".join(f"($.eventName = {name})" for name in names) + " }"


WATCHES = (
    Watch(
        "UnauthorizedCalls",
        "calls were refused for lack of permission",
        '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
    ),
    Watch(
        "ConsoleWithoutMfa",
        "somebody signed in to the console without a second factor",
        '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
        '($.userIdentity.type = "IAMUser") && '
        '($.responseElements.ConsoleLogin = "Success") }',
    ),
    Watch(
        "RootUse",
        "the root user was used",
        '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && '
        '$.eventType != "AwsServiceEvent" }',
    ),
    Watch(
        "IdentityChange",
        "policies of users, groups or roles changed",
        _calls(
            "iam",
            "AttachGroupPolicy",
            "AttachRolePolicy",
            "AttachUserPolicy",
            "CreatePolicy",
            "CreatePolicyVersion",
            "DeleteGroupPolicy",
            "DeletePolicy",
            "DeletePolicyVersion",
            "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy",
            "DeleteUserPolicy",
            "DetachGroupPolicy",
            "DetachRolePolicy",
            "DetachUserPolicy",
            "PutGroupPolicy",
            "PutRolePolicy",
            "PutUserPolicy",
        ),
    ),
    Watch(
        "TrailChange",
        "the audit trail was changed or stopped",
        _named("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"),
    ),
    Watch(
        "ConsoleFailure",
        "console sign-ins failed",
        '{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }',
    ),
    Watch(
        "KeyRemoval",
        "a customer key was disabled or is to be deleted",
        _calls("kms", "DisableKey", "ScheduleKeyDeletion"),
    ),
    Watch(
        "BucketPolicyChange",
        "a bucket's policy, access control, lifecycle or replication changed",
        _calls(
            "s3",
            "PutBucketAcl",
            "PutBucketPolicy",
            "PutBucketCors",
            "PutBucketLifecycle",
            "PutBucketReplication",
            "DeleteBucketPolicy",
            "DeleteBucketCors",
            "DeleteBucketLifecycle",
            "DeleteBucketReplication",
        ),
    ),
    Watch(
        "ConfigChange",
        "AWS Config was changed or stopped",
        _calls(
            "config",
            "StopConfigurationRecorder",
            "DeleteDeliveryChannel",
            "PutDeliveryChannel",
            "PutConfigurationRecorder",
        ),
    ),
    Watch(
        "SecurityGroupChange",
        "a security group changed",
        _named(
            "AuthorizeSecurityGroupIngress",
            "AuthorizeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "RevokeSecurityGroupEgress",
            "CreateSecurityGroup",
            "DeleteSecurityGroup",
        ),
    ),
    Watch(
        "NetworkAclChange",
        "a network access list changed",
        _named(
            "CreateNetworkAcl",
            "CreateNetworkAclEntry",
            "DeleteNetworkAcl",
            "DeleteNetworkAclEntry",
            "ReplaceNetworkAclEntry",
            "ReplaceNetworkAclAssociation",
        ),
    ),
    Watch(
        "GatewayChange",
        "a gateway to another network was made or changed",
        _named(
            "CreateCustomerGateway",
            "DeleteCustomerGateway",
            "AttachInternetGateway",
            "CreateInternetGateway",
            "DeleteInternetGateway",
            "DetachInternetGateway",
        ),
    ),
    Watch(
        "RouteChange",
        "a route table changed",
        _calls(
            "ec2",
            "CreateRoute",
            "CreateRouteTable",
            "ReplaceRoute",
            "ReplaceRouteTableAssociation",
            "DeleteRouteTable",
            "DeleteRoute",
            "DisassociateRouteTable",
        ),
    ),
    Watch(
        "VpcChange",
        "a VPC or a peering of one changed",
        _named(
            "CreateVpc",
            "DeleteVpc",
            "ModifyVpcAttribute",
            "AcceptVpcPeeringConnection",
            "CreateVpcPeeringConnection",
            "DeleteVpcPeeringConnection",
            "RejectVpcPeeringConnection",
        ),
    ),
)


class CisAlarms(Construct):
    """A metric filter and an alarm for each watch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group: logs.ILogGroup,
        topic: sns.ITopic,
        namespace: str,
    ) -> None:
        super().__init__(scope, construct_id)
        notify = actions.SnsAction(topic)
        self.alarms = {watch.name: self._define(watch, log_group, namespace) for watch in WATCHES}
        for alarm in self.alarms.values():
            alarm.add_alarm_action(notify)

    def _define(self, watch: Watch, log_group: logs.ILogGroup, namespace: str) -> cloudwatch.Alarm:
        metric_filter = logs.MetricFilter(
            self,
            f"{watch.name}Filter",
            log_group=log_group,
            filter_pattern=logs.FilterPattern.literal(watch.pattern),
            metric_namespace=namespace,
            metric_name=watch.name,
            metric_value="1",
        )
        return metric_filter.metric(statistic="Sum", period=Duration.minutes(5)).create_alarm(
            self,
            watch.name,
            alarm_description=f"Audit: {watch.what}. Runbook: {RUNBOOK}#audit",
            threshold=1,
            evaluation_periods=1,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
