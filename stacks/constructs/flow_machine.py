"""A Step Functions state machine: logged with execution data, traced, on a role of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.base_stack import stack_of
from stacks.constructs.foundation import Foundation
from stacks.constructs.grants import through
from stacks.constructs.log_group import encrypted_log_group
from stacks.constructs.service_role import ServiceRole, ServiceRoleProps
from stacks.constructs.serving_deploy_role import sagemaker_arn
from stacks.nag import acknowledge

SYNC_PAGE = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html"
# Log delivery is an account-level API of CloudWatch Logs; none of these calls takes a resource.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
LOG_DELIVERY_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
TRACING_ACTIONS = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
TRAINING, PROCESSING = "TrainingJob", "ProcessingJob"


@dataclass(frozen=True, slots=True)
class FlowMachineProps:
    """The definition comes later, because it names what the role is granted."""

    description: str
    foundation: Foundation


class FlowMachine(Construct):
    """Role first (grant to it), then :meth:`define` the machine."""

    def __init__(self, scope: Construct, construct_id: str, *, props: FlowMachineProps) -> None:
        super().__init__(scope, construct_id)
        stack = stack_of(self)
        self._stack = stack
        self._foundation = props.foundation
        self.role = ServiceRole(
            self,
            "Execution",
            props=ServiceRoleProps(
                service="states.amazonaws.com",
                description=props.description,
                path=stack.names.service_role_path,
                boundary=props.foundation.security.boundary,
            ),
        )
        self.role.allow(LOG_DELIVERY_ACTIONS, ["*"])
        self.role.allow(TRACING_ACTIONS, ["*"])
        self._findings = ["AwsSolutions-IAM5[Resource::*]"]

    def define(self, definition: Mapping[str, Any]) -> sfn.StateMachine:
        """Create the state machine and acknowledge what its role could not scope further."""
        group = encrypted_log_group(
            self, "Logs", settings=self._stack.settings, key=self._foundation.keys.logs
        )
        machine = sfn.StateMachine(
            self,
            "Machine",
            # json.dumps, not to_json_string, which drops the null of a discarded result.
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
            role=self.role.fixed_role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=group, level=sfn.LogLevel.ALL, include_execution_data=True
            ),
        )
        machine.node.add_dependency(self.role)
        self._acknowledge()
        return machine

    def invoke(self, *function_arns: str) -> None:
        """Allow calling functions."""
        self.role.allow(["lambda:InvokeFunction"], function_arns)

    def publish(self) -> None:
        """Allow alerts on the operations topic, which is encrypted."""
        security = self._foundation.security
        self.role.allow(["sns:Publish"], [security.ops_topic.topic_arn])
        self.role.allow(
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [self._foundation.keys.messages.key_arn],
            through(self.role, "sns"),
        )

    def run_jobs(self, kind: str, prefix: str, role_arn: str) -> None:
        """Allow SageMaker jobs of one kind whose names start with ``prefix``, and ``.sync``."""
        jobs = sagemaker_arn(self._stack, _resource(kind), f"{prefix}-*")
        self.role.allow(
            [
                f"sagemaker:Create{kind}",
                f"sagemaker:Describe{kind}",
                f"sagemaker:Stop{kind}",
                "sagemaker:AddTags",
                "sagemaker:ListTags",
            ],
            [jobs],
        )
        self.role.allow(
            ["iam:PassRole"],
            [role_arn],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        rule = f"StepFunctionsGetEventsForSageMaker{kind}sRule"
        self.role.allow(
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [self._stack.format_arn(service="events", resource="rule", resource_name=rule)],
        )
        self._findings.append(f"AwsSolutions-IAM5[Resource::{jobs}]")

    def also(self, *findings: str) -> None:
        """Findings of grants that the caller added, acknowledged with the rest."""
        self._findings += findings

    def _acknowledge(self) -> None:
        acknowledge(
            self.role.policy,
            *dict.fromkeys(self._findings),
            constraint="Log delivery and tracing calls take no resource; jobs get their names when "
            "an execution starts them.",
            evidence=SYNC_PAGE,
            control="Job names start with this instance and environment, roles are passed to "
            "SageMaker only, and every other grant names one resource.",
        )


def _resource(kind: str) -> str:
    return {TRAINING: "training-job", PROCESSING: "processing-job"}[kind]


def starts(machine: sfn.IStateMachine) -> iam.PolicyStatement:
    """Statement that allows starting a machine, for schedules and rules."""
    return iam.PolicyStatement(
        actions=["states:StartExecution"], resources=[machine.state_machine_arn]
    )
