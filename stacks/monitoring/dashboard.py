"""One page for whoever is on call: records in, predictions out, models, flows, alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from core import names
from stacks.monitoring.model_alarms import model_metric
from stacks.monitoring.outputs import Watched

THIRD, HALF, FULL, HEIGHT = 8, 12, 24, 6


@dataclass(frozen=True, slots=True)
class DashboardProps:
    """What is shown."""

    streams: Mapping[str, str]
    """Delivery stream names by stream."""
    api: apigateway.RestApi
    models: Sequence[Watched]
    alarms: Sequence[cloudwatch.IAlarm]
    period: Duration


class OperationsDashboard(Construct):
    """``dashboard``."""

    def __init__(self, scope: Construct, construct_id: str, *, props: DashboardProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.days(1))
        self.dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(
                title="Alarms", alarms=list(props.alarms), width=FULL, height=HEIGHT
            )
        )
        self.dashboard.add_widgets(
            self._graph("Records in", self._firehose("IncomingRecords", "Sum")),
            self._graph(
                "Oldest undelivered record (s)",
                self._firehose("DeliveryToS3.DataFreshness", "Maximum"),
            ),
        )
        self.dashboard.add_widgets(self._graph("API", self._api(), FULL))
        for model in props.models:
            self.dashboard.add_widgets(
                self._graph(f"{model.model}: requests by variant", self._variants(model), THIRD),
                self._graph(f"{model.model}: quality", self._quality(model), THIRD),
                self._graph(f"{model.model}: flows", self._flows(model), THIRD),
            )

    def _graph(
        self, title: str, metrics: list[cloudwatch.IMetric], width: int = HALF
    ) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=metrics, width=width, height=HEIGHT)

    def _firehose(self, name: str, statistic: str) -> list[cloudwatch.IMetric]:
        return [
            cloudwatch.Metric(
                namespace="AWS/Firehose",
                metric_name=name,
                dimensions_map={"DeliveryStreamName": stream_name},
                statistic=statistic,
                period=self._props.period,
                label=stream,
            )
            for stream, stream_name in self._props.streams.items()
        ]

    def _api(self) -> list[cloudwatch.IMetric]:
        stage, period = self._props.api.deployment_stage, self._props.period
        return [
            stage.metric_count(period=period),
            stage.metric_client_error(period=period, statistic="Sum"),
            stage.metric_server_error(period=period, statistic="Sum"),
            stage.metric_latency(period=period, statistic="p99"),
        ]

    def _variants(self, model: Watched) -> list[cloudwatch.IMetric]:
        return [
            cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name="Invocations",
                dimensions_map={
                    "EndpointName": model.endpoint_name,
                    "VariantName": variant,
                },
                statistic="Sum",
                period=self._props.period,
                label=variant,
            )
            for variant in model.variants
        ]

    def _quality(self, model: Watched) -> list[cloudwatch.IMetric]:
        wanted = [metric.published for metric in model.quality]
        return [
            model_metric(name, model.endpoint_name, "Average", Duration.days(1))
            for name in (*wanted, names.METRIC_DRIFTED_FEATURES)
            if model.endpoint_name
        ]

    def _flows(self, model: Watched) -> list[cloudwatch.IMetric]:
        return [
            metric
            for name, machine in model.machines.items()
            for metric in (
                machine.metric_succeeded(period=self._props.period, label=f"{name} succeeded"),
                machine.metric_failed(period=self._props.period, label=f"{name} failed"),
            )
        ]
