"""Alarms on one variant of the endpoint; they also guard its deployments."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.alarms.alarm import AlarmProps, RunbookAlarm

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1000


@dataclass(frozen=True, slots=True)
class VariantAlarmsProps:
    """One variant."""

    endpoint_name: str
    variant: str
    names: tuple[str, str]
    """Physical names: errors, latency. The endpoint and the retraining flow refer to them."""
    latency_milliseconds: int
    period: Duration
    topic: sns.ITopic


class VariantAlarms(Construct):
    """``errors`` (5xx) and ``latency`` (95th percentile) of a variant."""

    def __init__(self, scope: Construct, construct_id: str, *, props: VariantAlarmsProps) -> None:
        super().__init__(scope, construct_id)
        errors, latency = props.names
        self.errors = RunbookAlarm(
            self,
            "Errors",
            props=AlarmProps(
                name=errors,
                metric=self._metric(props, "Invocation5XXErrors", "Sum"),
                threshold=1,
                section="endpoint-errors",
                what=f"The {props.variant} variant answers with server errors.",
                topic=props.topic,
            ),
        )
        self.latency = RunbookAlarm(
            self,
            "Latency",
            props=AlarmProps(
                name=latency,
                metric=self._metric(props, "ModelLatency", "p95"),
                threshold=props.latency_milliseconds * MICROSECONDS,
                section="endpoint-latency",
                what=f"The {props.variant} variant is slower than agreed.",
                topic=props.topic,
                evaluation_periods=3,
                datapoints=2,
            ),
        )

    @staticmethod
    def _metric(props: VariantAlarmsProps, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={
                "EndpointName": props.endpoint_name,
                "VariantName": props.variant,
            },
            statistic=statistic,
            period=props.period,
        )

    @property
    def every(self) -> list[cloudwatch.Alarm]:
        """Both alarms."""
        return [self.errors, self.latency]
