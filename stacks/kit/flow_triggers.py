"""What starts a state machine, and what cleans up after one that was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Foundation
from stacks.kit.platform_function import PlatformFunction
from stacks.kit.scheduled_call import ScheduledCall, ScheduledCallProps
from stacks.kit.service_role import ServiceRole, ServiceRoleProps

STOPPED = ("FAILED", "TIMED_OUT", "ABORTED")
LOST_AFTER_HOURS = 6
RETRIES = 10


def start_role(
    scope: Construct,
    construct_id: str,
    *,
    stack: BaseStack,
    foundation: Foundation,
    machine: sfn.IStateMachine,
) -> ServiceRole:
    """A role of EventBridge that may start one state machine."""
    role = ServiceRole(
        scope,
        construct_id,
        props=ServiceRoleProps(
            service="events.amazonaws.com",
            description="Starts one state machine",
            path=stack.names.role_path,
            boundary=foundation.security.boundary,
        ),
    )
    role.allow(["states:StartExecution"], [machine.state_machine_arn])
    return role


def start_on_schedule(
    scope: Construct,
    construct_id: str,
    *,
    stack: BaseStack,
    foundation: Foundation,
    machine: sfn.IStateMachine,
    description: str,
    expression: str | None,
    request: str,
) -> None:
    """Start a state machine with ``request`` (JSON) as a Scheduler expression says, if any."""
    if expression is None:
        return
    ScheduledCall(
        scope,
        construct_id,
        stack=stack,
        props=ScheduledCallProps(
            description=description,
            expression=expression,
            target=machine.state_machine_arn,
            request=request,
            actions=["states:StartExecution"],
            resources=[machine.state_machine_arn],
            foundation=foundation,
        ),
    )


def on_stopped(
    scope: Construct,
    construct_id: str,
    *,
    stack: BaseStack,
    machine: sfn.IStateMachine,
    calls: Sequence[tuple[PlatformFunction, Mapping[str, Any] | None]],
    dead_letters: sqs.IQueue,
) -> events.Rule:
    """Call functions when an execution failed, timed out or was aborted.

    No Catch sees a time-out or a stop of the whole execution. A function gets the event itself, or
    the given payload.
    """
    rule = events.Rule(
        scope,
        construct_id,
        rule_name=stack.names.rule(stack.names.model_stack("execution-stopped")),
        description="An execution ended without success: release what it holds",
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={"status": list(STOPPED), "stateMachineArn": [machine.state_machine_arn]},
        ),
    )
    for function, payload in calls:
        rule.add_target(
            targets.LambdaFunction(
                function.function,
                event=events.RuleTargetInput.from_object(dict(payload)) if payload else None,
                dead_letter_queue=dead_letters,
                max_event_age=Duration.hours(LOST_AFTER_HOURS),
                retry_attempts=RETRIES,
            )
        )
    return rule
