"""Alarms on state machines, on the dead-letter queue, and on the API."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.kit.alarm import AlarmProps, RunbookAlarm


def flow_alarm(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    machine: sfn.IStateMachine,
    section: str,
    period: Duration,
    topic: sns.ITopic,
) -> RunbookAlarm:
    """Any execution that failed, timed out or was aborted."""
    metrics: Mapping[str, cloudwatch.IMetric] = {
        "failed": machine.metric_failed(period=period),
        "timedout": machine.metric_timed_out(period=period),
        "aborted": machine.metric_aborted(period=period),
    }
    filled = " + ".join(f"FILL({key}, 0)" for key in metrics)
    return RunbookAlarm(
        scope,
        construct_id,
        props=AlarmProps(
            metric=cloudwatch.MathExpression(
                expression=filled, using_metrics=metrics, label="not succeeded", period=period
            ),
            threshold=1,
            section=section,
            what=f"An execution of the {name} flow did not succeed.",
            topic=topic,
        ),
    )


def dead_letters_alarm(
    scope: Construct, construct_id: str, *, queue: sqs.IQueue, topic: sns.ITopic
) -> RunbookAlarm:
    """Anything in the dead-letter queue. SQS reports once a minute at best."""
    metric = queue.metric_approximate_number_of_messages_visible(
        period=Duration.minutes(1), statistic="Maximum"
    )
    return RunbookAlarm(
        scope,
        construct_id,
        props=AlarmProps(
            metric=metric,
            threshold=1,
            section="dead-letters",
            what="The dead-letter queue is not empty: something was not delivered or processed.",
            topic=topic,
        ),
    )


def api_alarm(
    scope: Construct,
    construct_id: str,
    *,
    api: apigateway.RestApi,
    period: Duration,
    topic: sns.ITopic,
) -> RunbookAlarm:
    """Server errors that clients saw."""
    return RunbookAlarm(
        scope,
        construct_id,
        props=AlarmProps(
            metric=api.deployment_stage.metric_server_error(period=period, statistic="Sum"),
            threshold=1,
            section="api-errors",
            what="The API answers with server errors.",
            topic=topic,
        ),
    )
