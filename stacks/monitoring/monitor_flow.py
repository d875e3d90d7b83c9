"""The monitor state machine with the role of its job and its schedule."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from core import names
from stacks.data_lake.outputs import Lake
from stacks.kit.base_stack import ModelStack
from stacks.kit.customer_policy import Reason
from stacks.kit.flow_machine import FlowMachine, FlowMachineProps
from stacks.kit.flow_triggers import start_on_schedule
from stacks.kit.foundation import Foundation
from stacks.kit.grants import allow_listing, allow_objects
from stacks.kit.job_role import job_role
from stacks.kit.service_role import ServiceRole
from stacks.kit.workload import Job
from stacks.monitoring import states as monitor
from stacks.processing.spark_job import SparkJob
from stacks.training.outputs import Training
from stacks.training.retraining_flow import job_compute
from stacks.training.rules import GLUE_ATTEMPTS

JOB_MINUTES = 60
# Beside the jobs: waiting for capacity and for another run to end.
WAITING_MINUTES = 60
METRICS = Reason(
    constraint="PutMetricData takes no resource: a metric exists from the first value on.",
    evidence="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/"
    "iam-cw-condition-keys-namespace.html",
    control="A condition holds the statement to the namespace of this product's model metrics.",
)


@dataclass(frozen=True, slots=True)
class MonitorFlowProps:
    """What is monitored."""

    foundation: Foundation
    lake: Lake
    training: Training
    outcomes: SparkJob
    endpoint_name: str


class MonitorFlow(Construct):
    """``machine`` and ``job_role``; a schedule, if the settings give one."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: ModelStack, props: MonitorFlowProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self.job_role = self._define_job_role()
        self.flow = FlowMachine(
            self,
            "Flow",
            props=FlowMachineProps(
                description="Runs the monitor flow",
                foundation=props.foundation,
                policies=[props.training.registry.package_readers],
            ),
        )
        self._allow_tasks()
        self.machine = self.flow.define(monitor.definition(self._definition_inputs()))
        self._start_on_schedule()

    def _define_job_role(self) -> ServiceRole:
        props, lake = self._props, self._props.lake
        scope, capture = self._stack.names, self._capture
        readers = lake.readers.of[scope.model]
        role = job_role(
            self,
            "Job",
            description="Compares predictions with labels and with the training window",
            foundation=props.foundation,
            policies=[
                props.training.code.runtime,
                readers.models,
                readers.evaluations,
            ],
        )
        role.allow(
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": names.METRIC_NAMESPACE}},
            reason=METRICS,
        )
        allow_listing(role, lake.artifacts)
        allow_objects(
            role,
            lake.monitoring,
            props.foundation.keys.models,
            read=[capture, scope.below(names.MONITORING_OUTCOMES)],
            write=[scope.below(names.MONITORING_REPORTS)],
        )
        return role

    @property
    def _capture(self) -> str:
        return f"{names.MONITORING_CAPTURE}{self._props.endpoint_name}/"

    def _allow_tasks(self) -> None:
        """What the definition calls beside its job."""
        props, flow = self._props, self.flow
        flow.invoke(props.training.functions.registry.function.function_arn)
        flow.run_glue(props.outcomes.job_arn)
        flow.pass_to_jobs(self.job_role)
        flow.role.allow(
            ["s3:ListBucket"],
            [props.lake.monitoring.bucket_arn],
            {"StringLike": {"s3:prefix": [f"{self._capture}*"]}},
        )

    def _definition_inputs(self) -> monitor.Flow:
        props, settings = self._props, self._stack.settings.monitoring
        glue_minutes = GLUE_ATTEMPTS * self._stack.settings.processing.timeout_minutes
        return monitor.Flow(
            registry_arn=props.training.functions.registry.function.function_arn,
            job=job_compute(
                self._stack,
                props.foundation,
                workload=Job.MONITOR,
                role_arn=self.job_role.arn,
                image_uri=props.training.image_uri,
                instance_type=settings.instance_type,
                volume_customer_key=settings.volume_customer_key,
                minutes=JOB_MINUTES,
            ),
            code=props.training.code.location,
            endpoint_name=props.endpoint_name,
            outcomes_job=props.outcomes.job_name,
            outcomes=self._stack.names.below(names.MONITORING_OUTCOMES),
            reports=self._stack.names.below(names.MONITORING_REPORTS),
            monitoring_bucket=props.lake.monitoring.bucket_name,
            window_days=settings.window_days,
            topic_arn=props.foundation.security.ops_topic.topic_arn,
            timeout_seconds=(glue_minutes + JOB_MINUTES + WAITING_MINUTES) * 60,
        )

    def _start_on_schedule(self) -> None:
        start_on_schedule(
            self,
            "Schedule",
            stack=self._stack,
            foundation=self._props.foundation,
            machine=self.machine,
            description="Starts the monitor flow",
            expression=self._stack.settings.monitoring.schedule,
            request="{}",
        )
