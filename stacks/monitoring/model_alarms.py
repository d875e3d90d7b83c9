"""The alarm that starts retraining: a criterion of the contract is broken."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from core import names
from stacks.kit.alarm import AlarmProps, RunbookAlarm
from stacks.kit.base_stack import BaseStack
from stacks.kit.flow_triggers import start_role
from stacks.kit.foundation import Foundation

REASON = "model_criteria_breached"


def model_metric(name: str, endpoint: str, statistic: str, period: Duration) -> cloudwatch.Metric:
    """A metric of the monitor job."""
    return cloudwatch.Metric(
        namespace=names.METRIC_NAMESPACE,
        metric_name=name,
        dimensions_map={"Endpoint": endpoint},
        statistic=statistic,
        period=period,
    )


@dataclass(frozen=True, slots=True)
class ModelBreachProps:
    """Which endpoint is watched and what starts when it breaks its criteria."""

    endpoint_name: str
    machine: sfn.IStateMachine
    foundation: Foundation
    period: Duration
    topic: sns.ITopic


class ModelBreach(Construct):
    """``alarm`` and the rule that starts the retraining flow when it rings."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: ModelBreachProps
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarm = RunbookAlarm(
            self,
            "Alarm",
            props=AlarmProps(
                metric=model_metric(
                    names.METRIC_MODEL_BREACH, props.endpoint_name, "Maximum", props.period
                ),
                threshold=1,
                section="model-criteria",
                what="The served model breaks a criterion of the contract; retraining starts.",
                topic=props.topic,
            ),
        )
        role = start_role(
            self,
            "Start",
            stack=stack,
            foundation=props.foundation,
            machine=props.machine,
        )
        self.rule = events.Rule(
            self,
            "Rule",
            rule_name=stack.names.rule(stack.names.model_stack("model-breach")),
            description="The model alarm rings: retrain",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[self.alarm.alarm_arn],
                detail={"state": {"value": ["ALARM"]}},
            ),
        )
        self.rule.add_target(
            targets.SfnStateMachine(
                props.machine,
                role=role.fixed_role,
                input=events.RuleTargetInput.from_object({"reason": REASON}),
                dead_letter_queue=props.foundation.security.dead_letters,
            )
        )
        self.rule.node.add_dependency(role)
