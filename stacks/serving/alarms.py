"""Alarms on the variants of the endpoint: of what serves, and of an update on trial.

Rates, not counts: a single 5xx proves nothing, and one that aborts every roll-out would keep the
model that made it in service.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.alarm import AlarmProps, RunbookAlarm
from stacks.serving.guardrails import ERROR_PERCENT, ERRORS_AT_LEAST, PERIODS, PERIODS_BREACHED

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1000
# Errors in percent of the requests, unless there are too few to mean anything.
ERROR_RATE = f"IF(errors >= {ERRORS_AT_LEAST}, 100 * errors / invocations, 0)"


@dataclass(frozen=True, slots=True)
class VariantAlarmsProps:
    """One variant."""

    endpoint_name: str
    variant: str
    names: tuple[str, str]
    """Physical names: errors, latency. The retraining flow and the endpoint refer to them."""
    latency_milliseconds: int
    period: Duration
    topic: sns.ITopic
    config_name: str | None = None
    """Only what this configuration serves: the new fleet of an update, then what it became."""


class VariantAlarms(Construct):
    """``errors`` (5xx) and ``latency`` (95th percentile) of a variant."""

    def __init__(self, scope: Construct, construct_id: str, *, props: VariantAlarmsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        guard = props.config_name is not None
        errors, latency = props.names
        self.errors = RunbookAlarm(
            self,
            "Errors",
            props=AlarmProps(
                name=errors,
                metric=self._error_rate(),
                threshold=ERROR_PERCENT,
                section="endpoint-guardrails" if guard else "endpoint-errors",
                what=f"The {props.variant} variant answers with server errors.",
                topic=props.topic,
            ),
        )
        self.latency = RunbookAlarm(
            self,
            "Latency",
            props=AlarmProps(
                name=latency,
                metric=self._metric("ModelLatency", "p95"),
                threshold=props.latency_milliseconds * MICROSECONDS,
                section="endpoint-guardrails" if guard else "endpoint-latency",
                what=f"The {props.variant} variant is slower than agreed.",
                topic=props.topic,
                evaluation_periods=PERIODS,
                datapoints=PERIODS_BREACHED,
            ),
        )

    def _error_rate(self) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression=ERROR_RATE,
            label="server errors, percent",
            period=self._props.period,
            using_metrics={
                "errors": self._metric("Invocation5XXErrors", "Sum"),
                "invocations": self._metric("Invocations", "Sum"),
            },
        )

    def _metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        props = self._props
        dimensions = {"EndpointName": props.endpoint_name, "VariantName": props.variant}
        # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
        if props.config_name is not None:
            dimensions["EndpointConfigName"] = props.config_name
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            period=props.period,
        )

    @property
    def every(self) -> list[cloudwatch.Alarm]:
        """Both alarms."""
        return [self.errors, self.latency]
