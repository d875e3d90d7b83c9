"""Model monitoring, alarms with a runbook, the alarm that retrains, dashboard, budget."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from config.load import Deployment
from model_code import tasks
from stacks.api.outputs import Api
from stacks.data_lake.outputs import Lake
from stacks.ingestion.alarms import DeliveryAlarms, DeliveryAlarmsProps
from stacks.ingestion.outputs import Ingestion
from stacks.kit.alarm import RUNBOOK
from stacks.kit.base_stack import BaseStack
from stacks.kit.capability import capabilities_of
from stacks.kit.foundation import Foundation
from stacks.kit.platform_function import PlatformFunction
from stacks.monitoring.budget import monthly_budget
from stacks.monitoring.dashboard import DashboardProps, OperationsDashboard
from stacks.monitoring.flow_alarms import api_alarm, dead_letters_alarm, flow_alarm
from stacks.monitoring.function_alarms import FunctionAlarms
from stacks.monitoring.model_alarms import ModelBreach, ModelBreachProps
from stacks.monitoring.monitor_flow import MonitorFlow, MonitorFlowProps
from stacks.serving.outputs import Serving
from stacks.training.outputs import Training

COMPOSITE_CHILDREN = 100


@dataclass(frozen=True, slots=True)
class MonitoringProps:
    """Everything that is watched."""

    foundation: Foundation
    lake: Lake
    ingestion: Ingestion
    training: Training
    serving: Serving
    api: Api


class MonitoringStack(BaseStack):
    """``alarms`` (own and the serving stack's), ``breach``, ``monitor`` (None without endpoint)."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: MonitoringProps) -> None:
        super().__init__(
            scope,
            "monitoring",
            deployment=deployment,
            description="Millrace: model monitoring, alarms, dashboard, budget",
        )
        self._props = props
        self._topic = props.foundation.security.ops_topic
        self._period = Duration.seconds(self.settings.monitoring.alarm_period_seconds)
        self.monitor = self._define_monitor()
        self.breach = self._define_breach()
        self.alarms: list[cloudwatch.Alarm] = [
            *self._ingestion_alarms(),
            *self._function_alarms(),
            *self._flow_alarms(),
            dead_letters_alarm(
                self,
                "DeadLetters",
                queue=props.foundation.security.dead_letters,
                topic=self._topic,
            ),
            api_alarm(
                self, "ApiErrors", api=props.api.rest_api, period=self._period, topic=self._topic
            ),
            *([self.breach.alarm] if self.breach else []),
            *(
                alarm
                for capability in capabilities_of(self)
                for alarm in capability.alarms(self, topic=self._topic, period=self._period)
            ),
            *props.serving.alarms,
        ]
        self.composite = self._define_composite()
        self._define_dashboard()
        monthly_budget(self, "Budget", stack=self, topic=self._topic)

    def _define_monitor(self) -> MonitorFlow | None:
        """None where there is nothing to monitor: no endpoint, or one that captures nothing."""
        props, serving = self._props, self.settings.serving
        if not serving.captures:
            return None
        monitor = MonitorFlow(
            self,
            "Monitor",
            stack=self,
            props=MonitorFlowProps(
                foundation=props.foundation,
                lake=props.lake,
                training=props.training,
                endpoint_name=props.serving.endpoint_name,
            ),
        )
        CfnOutput(self, "MonitorStateMachineArn", value=monitor.machine.state_machine_arn)
        return monitor

    def _define_breach(self) -> ModelBreach | None:
        if self.monitor is None:
            return None
        return ModelBreach(
            self,
            "ModelBreach",
            stack=self,
            props=ModelBreachProps(
                endpoint_name=self._props.serving.endpoint_name,
                machine=self._props.training.machine,
                foundation=self._props.foundation,
                period=self._period,
                topic=self._topic,
            ),
        )

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

    @property
    def functions(self) -> dict[str, PlatformFunction]:
        """Every function of the deployment, by the name that alarms use."""
        props = self._props
        transforms = {
            f"{stream.capitalize()}Transform": function
            for stream, function in props.ingestion.transforms.items()
        }
        training = props.training.functions
        return transforms | {
            "Lease": training.lease,
            "Gate": training.gate,
            "Registry": training.registry,
            "Rollout": training.rollout,
            "Pointers": props.training.registry.pointers_function,
            "Router": props.api.router,
        }

    def _function_alarms(self) -> list[cloudwatch.Alarm]:
        return FunctionAlarms(
            self, "Functions", functions=self.functions, period=self._period, topic=self._topic
        ).every

    def _flow_alarms(self) -> list[cloudwatch.Alarm]:
        machines = {"Retraining": ("retraining-failed", self._props.training.machine)}
        if self.monitor:
            machines["Monitoring"] = ("monitoring-failed", self.monitor.machine)
        return [
            flow_alarm(
                self,
                f"{name}Failed",
                name=name.lower(),
                machine=machine,
                section=section,
                period=self._period,
                topic=self._topic,
            )
            for name, (section, machine) in machines.items()
        ]

    def _define_composite(self) -> cloudwatch.CompositeAlarm:
        """One light for the whole deployment; CloudWatch takes a hundred alarms in a rule."""
        if len(self.alarms) > COMPOSITE_CHILDREN:
            raise ValueError(f"{len(self.alarms)} alarms; a rule takes {COMPOSITE_CHILDREN}")
        composite = cloudwatch.CompositeAlarm(
            self,
            "Unhealthy",
            # CDK's own default holds no part of the deployment: a second one would not deploy.
            composite_alarm_name=self.names.stack("unhealthy"),
            alarm_description="At least one alarm of this deployment rings. "
            f"Runbook: {RUNBOOK}#unhealthy",
            alarm_rule=cloudwatch.AlarmRule.any_of(
                *(
                    cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)
                    for alarm in self.alarms
                )
            ),
        )
        composite.add_alarm_action(actions.SnsAction(self._topic))
        return composite

    def _define_dashboard(self) -> None:
        props = self._props
        machines = {"retraining": props.training.machine}
        if self.monitor:
            machines["monitor"] = self.monitor.machine
        OperationsDashboard(
            self,
            "Operations",
            props=DashboardProps(
                streams=props.ingestion.stream_names,
                api=props.api.rest_api,
                endpoint_name=props.serving.endpoint_name,
                variants=list(props.serving.variants) if props.serving.endpoint_name else [],
                quality=tasks.of(self.contract).metrics,
                machines=machines,
                alarms=self.alarms,
                period=self._period,
            ),
        )
