"""A schedule that makes one AWS API call under its own role; a call that fails is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Foundation
from stacks.kit.grants import allow_dead_letters
from stacks.kit.service_role import ServiceRole, ServiceRoleProps

RETRIES = 3
LATEST_START_SECONDS = 900


@dataclass(frozen=True, slots=True)
class ScheduledCallProps:
    """What is called, when, and with which permission."""

    description: str
    expression: str
    """EventBridge Scheduler expression in UTC, such as ``cron(15 * * * ? *)``."""
    target: str
    """Universal target ARN, such as ``arn:aws:scheduler:::aws-sdk:glue:startJobRun``, or a
    templated target's own ARN."""
    request: str
    """The call's input as JSON."""
    actions: Sequence[str]
    resources: Sequence[str]
    foundation: Foundation
    conditions: Mapping[str, Any] | None = None


class ScheduledCall(Construct):
    """``schedule`` and its ``role``; a call that cannot be made ends as a dead letter."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: ScheduledCallProps
    ) -> None:
        super().__init__(scope, construct_id)
        security = props.foundation.security
        self.role = ServiceRole(
            self,
            "Caller",
            props=ServiceRoleProps(
                service="scheduler.amazonaws.com",
                description=props.description,
                path=stack.names.role_path,
                boundary=security.boundary,
            ),
        )
        self.role.allow(props.actions, props.resources, props.conditions)
        allow_dead_letters(self.role, security.dead_letters, security.keys.messages)
        self.schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description=props.description,
            schedule_expression=props.expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=props.target,
                role_arn=self.role.role.role_arn,
                input=props.request,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=RETRIES,
                    maximum_event_age_in_seconds=LATEST_START_SECONDS,
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=security.dead_letters.queue_arn
                ),
            ),
        )
        self.schedule.node.add_dependency(self.role.policy)
