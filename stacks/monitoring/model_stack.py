"""Monitoring of one model: its job, the alarm that retrains, alarms on its functions and flows."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from config.load import Deployment
from model_code import tasks
from stacks.data_lake.outputs import Lake
from stacks.kit.base_stack import ModelStack
from stacks.kit.foundation import Foundation
from stacks.monitoring.flow_alarms import flow_alarm
from stacks.monitoring.function_alarms import FunctionAlarms
from stacks.monitoring.model_alarms import ModelBreach, ModelBreachProps
from stacks.monitoring.monitor_flow import MonitorFlow, MonitorFlowProps
from stacks.monitoring.outputs import Watched
from stacks.monitoring.unhealthy import unhealthy
from stacks.processing.outputs import Processing
from stacks.serving.outputs import Serving
from stacks.training.outputs import Training


@dataclass(frozen=True, slots=True)
class ModelMonitoringProps:
    """What is watched of one model."""

    foundation: Foundation
    lake: Lake
    processing: Processing
    training: Training
    serving: Serving


class ModelMonitoringStack(ModelStack):
    """``outputs``; ``monitor`` and ``breach`` are None where nothing is captured."""

    def __init__(
        self, scope: Construct, *, deployment: Deployment, props: ModelMonitoringProps
    ) -> None:
        super().__init__(
            scope,
            "monitor",
            deployment=deployment,
            description="Millrace: monitoring of one model",
        )
        self._props = props
        self._topic = props.foundation.security.ops_topic
        self._period = Duration.seconds(self.settings.monitoring.alarm_period_seconds)
        self.monitor = self._define_monitor()
        self.breach = self._define_breach()
        self.outputs = self._watched()

    def _watched(self) -> Watched:
        props = self._props
        alarms = [
            *self._function_alarms(),
            *self._flow_alarms(),
            *([self.breach.alarm] if self.breach else []),
            *props.serving.alarms,
        ]
        composite = unhealthy(
            self,
            name=self.names.stack(self.names.model_stack("unhealthy")),
            what="model",
            alarms=alarms,
        )
        composite.add_alarm_action(actions.SnsAction(self._topic))
        return Watched(
            model=self.names.model,
            alarms=alarms,
            unhealthy=composite,
            endpoint_name=props.serving.endpoint_name,
            variants=props.serving.variants if props.serving.endpoint_name else (),
            quality=tasks.of(self.contract).metrics,
            machines=self._machines,
        )

    def _define_monitor(self) -> MonitorFlow | None:
        """None where there is nothing to monitor: no endpoint, or one that captures nothing."""
        props = self._props
        if not self.settings.serving.captures:
            return None
        monitor = MonitorFlow(
            self,
            "Monitor",
            stack=self,
            props=MonitorFlowProps(
                foundation=props.foundation,
                lake=props.lake,
                training=props.training,
                outcomes=props.processing.outcomes[self.names.model],
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

    def _function_alarms(self) -> list[cloudwatch.Alarm]:
        return FunctionAlarms(
            self,
            "Functions",
            functions=self._props.training.platform_functions,
            period=self._period,
            topic=self._topic,
        ).every

    @property
    def _machines(self) -> dict[str, sfn.IStateMachine]:
        watching = {"monitoring": self.monitor.machine} if self.monitor else {}
        return {"retraining": self._props.training.machine, **watching}

    def _flow_alarms(self) -> list[cloudwatch.Alarm]:
        return [
            flow_alarm(
                self,
                f"{name.capitalize()}Failed",
                name=name,
                machine=machine,
                section=f"{name}-failed",
                period=self._period,
                topic=self._topic,
            )
            for name, machine in self._machines.items()
        ]
