"""What all models share is watched: streams, API, dead letters; dashboard and budget of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from config.load import Deployment
from stacks.api.outputs import Api
from stacks.ingestion.alarms import DeliveryAlarms, DeliveryAlarmsProps
from stacks.ingestion.outputs import Ingestion
from stacks.kit.base_stack import BaseStack
from stacks.kit.capability import capabilities_of
from stacks.kit.foundation import Foundation
from stacks.monitoring.budget import monthly_budget
from stacks.monitoring.dashboard import DashboardProps, OperationsDashboard
from stacks.monitoring.flow_alarms import api_alarm, dead_letters_alarm
from stacks.monitoring.function_alarms import FunctionAlarms
from stacks.monitoring.outputs import Watched
from stacks.monitoring.unhealthy import unhealthy


@dataclass(frozen=True, slots=True)
class MonitoringProps:
    """Everything that is watched."""

    foundation: Foundation
    ingestion: Ingestion
    models: Sequence[Watched]
    api: Api


class MonitoringStack(BaseStack):
    """``alarms`` (its own) and ``composite``."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: MonitoringProps) -> None:
        super().__init__(
            scope,
            "monitoring",
            deployment=deployment,
            description="Millrace: alarms, dashboard, budget",
        )
        self._props = props
        self._topic = props.foundation.security.ops_topic
        self._period = Duration.seconds(self.settings.monitoring.alarm_period_seconds)
        self.alarms: list[cloudwatch.Alarm] = [
            *self._ingestion_alarms(),
            *self._function_alarms(),
            dead_letters_alarm(
                self,
                "DeadLetters",
                queue=props.foundation.security.dead_letters,
                topic=self._topic,
            ),
            api_alarm(
                self, "ApiErrors", api=props.api.rest_api, period=self._period, topic=self._topic
            ),
            *(
                alarm
                for capability in capabilities_of(self)
                for alarm in capability.alarms(self, topic=self._topic, period=self._period)
            ),
        ]
        self.composite = self._define_composite()
        self._define_dashboard()
        monthly_budget(self, "Budget", stack=self, topic=self._topic)

    def _ingestion_alarms(self) -> list[cloudwatch.Alarm]:
        return [
            alarm
            for stream, stream_name in self._props.ingestion.stream_names.items()
            for alarm in DeliveryAlarms(
                self,
                f"{stream.capitalize()}Delivery",
                props=DeliveryAlarmsProps(
                    stream=stream,
                    stream_name=stream_name,
                    freshness_seconds=self.settings.monitoring.data_freshness_seconds,
                    period=self._period,
                    topic=self._topic,
                ),
            ).every
        ]

    def _function_alarms(self) -> list[cloudwatch.Alarm]:
        """Of every function that models share or that answers for one."""
        props = self._props
        return FunctionAlarms(
            self,
            "Functions",
            functions={**props.ingestion.platform_functions, **props.api.platform_functions},
            period=self._period,
            topic=self._topic,
        ).every

    def _define_composite(self) -> cloudwatch.CompositeAlarm:
        """One light for the whole deployment, above each model's own."""
        composite = unhealthy(
            self,
            name=self.names.stack("unhealthy"),
            what="deployment",
            alarms=[*self.alarms, *(model.unhealthy for model in self._props.models)],
        )
        composite.add_alarm_action(actions.SnsAction(self._topic))
        return composite

    def _define_dashboard(self) -> None:
        props = self._props
        OperationsDashboard(
            self,
            "Operations",
            props=DashboardProps(
                streams=props.ingestion.stream_names,
                api=props.api.rest_api,
                models=props.models,
                alarms=[*self.alarms, *(one for model in props.models for one in model.alarms)],
                period=self._period,
            ),
        )
