"""A Step Functions state machine: logged with execution data, traced, on a role of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Foundation
from stacks.kit.log_group import encrypted_log_group, unique_to_the_stack
from stacks.kit.runtime_policies import PROCESSING, allow_jobs
from stacks.kit.service_role import ServiceRole, ServiceRoleProps

VENDED_LOGS = "/aws/vendedlogs"


@dataclass(frozen=True, slots=True)
class FlowMachineProps:
    """The definition comes later, because it names what the role is granted."""

    description: str
    foundation: Foundation
    policies: Sequence[CustomerPolicy] = ()
    """Shared policies that the machine needs, beside that of every machine."""


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
                policies=[props.foundation.security.runtimes.flow, *props.policies],
            ),
        )

        allow_jobs(self.role.policy, stack, PROCESSING)

    def define(self, definition: Mapping[str, Any]) -> sfn.StateMachine:
        """Create the state machine."""
        # Step Functions lists each group by name in one resource policy of the account, which is
        # full at 5,120 characters; groups below this prefix share one entry of it.
        # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
        flow = f"{self._stack.names.stack_prefix}-{self.node.id}-{unique_to_the_stack()}"
        group = encrypted_log_group(
            self,
            "Logs",
            settings=self._stack.settings,
            key=self._foundation.keys.logs,
            name=f"{VENDED_LOGS}/states/{flow}",
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
        return machine

    def invoke(self, *function_arns: str) -> None:
        """Allow calling functions."""
        self.role.allow(["lambda:InvokeFunction"], function_arns)

    def run_glue(self, *job_arns: str) -> None:
        """Allow Glue jobs to be run to their end: ``.sync`` asks for a run, and stops it with the
        execution."""
        self.role.allow(
            ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"],
            job_arns,
        )

    def pass_to_jobs(self, *roles: ServiceRole) -> None:
        """Allow giving roles to the SageMaker jobs that the machine starts."""
        self.role.allow(
            ["iam:PassRole"],
            [role.arn for role in roles],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
