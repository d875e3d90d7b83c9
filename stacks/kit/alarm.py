"""One alarm: a metric, a limit, a person to tell and a page that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class AlarmProps:
    """What is watched."""

    metric: cloudwatch.IMetric
    threshold: float
    section: str
    """Anchor of the section in the runbook."""
    what: str
    """One sentence: what is wrong while the alarm rings."""
    topic: sns.ITopic
    comparison: cloudwatch.ComparisonOperator = (
        cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
    )
    evaluation_periods: int = 1
    datapoints: int | None = None
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING
    name: str | None = None
    """Physical name, where somebody outside the stack has to know it."""


class RunbookAlarm(cloudwatch.Alarm):
    """An alarm whose description ends in its runbook section; it tells the topic both ways."""

    def __init__(self, scope: Construct, construct_id: str, *, props: AlarmProps) -> None:
        super().__init__(
            scope,
            construct_id,
            alarm_name=props.name,
            alarm_description=f"{props.what} Runbook: {RUNBOOK}#{props.section}",
            metric=props.metric,
            threshold=props.threshold,
            comparison_operator=props.comparison,
            evaluation_periods=props.evaluation_periods,
            datapoints_to_alarm=props.datapoints,
            treat_missing_data=props.missing,
        )
        action = actions.SnsAction(props.topic)
        self.add_alarm_action(action)
        self.add_ok_action(action)


def counted(
    namespace: str, name: str, dimensions: Mapping[str, str], period: Duration
) -> cloudwatch.Metric:
    """A metric's sum in each period."""
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic="Sum",
        period=period,
    )


def summed(
    metrics: Mapping[str, cloudwatch.IMetric], label: str, period: Duration
) -> cloudwatch.MathExpression:
    """The sum of several metrics, those without data as nothing; keys are names in the sum."""
    filled = " + ".join(f"FILL({key}, 0)" for key in metrics)
    return cloudwatch.MathExpression(
        expression=filled, using_metrics=metrics, label=label, period=period
    )
