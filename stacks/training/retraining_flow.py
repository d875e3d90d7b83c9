"""The retraining state machine with everything it runs under: roles, grants, schedule, clean-up."""

from __future__ import annotations

import json
from dataclasses import dataclass

from constructs import Construct

from config.instance_types import has_local_storage
from core import names
from stacks.data_lake.outputs import Lake
from stacks.data_lake.readers import ModelReaders
from stacks.kit import sagemaker_names
from stacks.kit.base_stack import ModelStack
from stacks.kit.flow_machine import FlowMachine, FlowMachineProps
from stacks.kit.flow_triggers import on_stopped, start_on_schedule
from stacks.kit.foundation import Foundation
from stacks.kit.grants import READ_ACTIONS, allow_listing, allow_objects, deny_objects
from stacks.kit.job_role import allow_job_logs, job_role
from stacks.kit.processing_code import PublishedCode
from stacks.kit.runtime_policies import TRAINING, allow_jobs
from stacks.kit.sagemaker_jobs import Compute, Network
from stacks.kit.service_role import ServiceRole
from stacks.kit.workload import Job
from stacks.processing.spark_job import SparkJob
from stacks.serving.settings import Realtime
from stacks.training.model_registry import ModelRegistry
from stacks.training.states import retraining
from stacks.training.states.flow import Flow, Functions
from stacks.training.states.rollout import Experiment
from stacks.training.training_functions import TrainingFunctions

APPROVAL_DAYS = 7


@dataclass(frozen=True, slots=True)
class RetrainingFlowProps:
    """What the flow runs and where its results go."""

    foundation: Foundation
    lake: Lake
    registry: ModelRegistry
    functions: TrainingFunctions
    curate: SparkJob
    features: SparkJob
    code: PublishedCode
    image_uri: str


class RetrainingFlow(Construct):
    """``machine``, ``training_role``, ``evaluation_role`` and the triggers."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: ModelStack, props: RetrainingFlowProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self.training_role = self._define_training_role()
        self.evaluation_role = self._define_evaluation_role()
        self.flow = FlowMachine(
            self,
            "Flow",
            props=FlowMachineProps(
                description="Runs the retraining flow", foundation=props.foundation
            ),
        )
        self._allow_tasks()
        self.machine = self.flow.define(retraining.definition(self._definition_inputs()))
        self._release_what_was_stopped()
        self._start_on_schedule()

    @property
    def _scope(self) -> names.Scope:
        return self._stack.names

    @property
    def _readers(self) -> ModelReaders:
        return self._props.lake.readers.of[self._scope.model]

    def _define_training_role(self) -> ServiceRole:
        lake, foundation = self._props.lake, self._props.foundation
        role = job_role(
            self,
            "Training",
            description="Trains models",
            foundation=foundation,
            policies=[self._readers.runs],
        )
        allow_job_logs(role, "/aws/sagemaker/TrainingJobs")
        allow_listing(role, lake.features)
        self._allow_models(role)
        source = self._props.code.source
        role.allow(["s3:GetObject"], [source.bucket.arn_for_objects(source.s3_object_key)])
        return role

    def _allow_models(self, role: ServiceRole) -> None:
        """Writing archives; for spot jobs also reading checkpoints, which come back with them."""
        artifacts, models = self._props.lake.artifacts, self._scope.below(names.ARTIFACTS_MODELS)
        spot = self._stack.settings.training.spot
        key = self._props.foundation.keys.models
        allow_objects(role, artifacts, key, read=[models] if spot else [], write=[models])
        if spot:
            # Archives lie below their jobs' names, and a job reads none.
            jobs = f"{models}{self._scope.model_prefix}-"
            deny_objects(role, artifacts, jobs, actions=READ_ACTIONS)

    def _define_evaluation_role(self) -> ServiceRole:
        props, lake = self._props, self._props.lake
        role = job_role(
            self,
            "Evaluation",
            description="Evaluates candidate and champion",
            foundation=props.foundation,
            policies=[
                props.code.runtime,
                self._readers.runs,
                self._readers.models,
                props.registry.seed_readers,
            ],
        )
        allow_listing(role, lake.features)
        evaluations = [self._scope.below(names.ARTIFACTS_EVALUATIONS)]
        allow_objects(role, lake.artifacts, props.foundation.keys.models, write=evaluations)
        return role

    def _allow_tasks(self) -> None:
        """What the definition calls, and its ``.sync`` forms."""
        props, flow = self._props, self.flow
        flow.invoke(*(function.function.function_arn for function in props.functions.every))
        flow.run_glue(props.curate.job_arn, props.features.job_arn)
        allow_jobs(flow.role.policy, self._stack, TRAINING)
        flow.pass_to_jobs(self.training_role, self.evaluation_role)

    def _definition_inputs(self) -> Flow:
        props, training = self._props, self._stack.settings.training
        functions = props.functions
        manual = training.approval == "manual"
        approval_seconds = APPROVAL_DAYS * 86400
        holding = training.lease_minutes * 60
        return Flow(
            functions=Functions(
                lease=functions.lease.function.function_arn,
                gate=functions.gate.function.function_arn,
                registry=functions.registry.function.function_arn,
                rollout=functions.rollout.function.function_arn,
            ),
            curate_job=props.curate.job_name,
            features_job=props.features.job_name,
            scope=self._scope,
            features_bucket=props.lake.features.bucket_name,
            artifacts_bucket=props.lake.artifacts.bucket_name,
            training=self._compute(self.training_role.arn, training.max_runtime_minutes),
            evaluation=self._compute(self.evaluation_role.arn, training.evaluation_minutes),
            code=props.code.location,
            hyperparameters=training.algorithm.arguments(),
            spot=training.spot,
            topic_arn=props.foundation.security.ops_topic.topic_arn,
            manual_approval=manual,
            approval_seconds=approval_seconds,
            experiment=self._experiment(),
            # An execution never outlives its lease; one that waits for a person holds it twice.
            timeout_seconds=2 * holding + approval_seconds if manual else holding,
            holding_seconds=holding,
        )

    def _experiment(self) -> Experiment | None:
        serving = self._stack.settings.serving
        if not isinstance(serving, Realtime) or names.CHALLENGER not in serving.production_variants:
            return None
        scope = self._stack.names
        return Experiment(
            weight=serving.experiment_weight,
            minutes=serving.experiment_minutes,
            weight_after=serving.challenger_share,
            alarm_names=[
                *sagemaker_names.endpoint_alarm_names(scope, names.CHALLENGER),
                *sagemaker_names.guard_alarm_names(scope, names.CHALLENGER),
            ],
        )

    def _compute(self, role_arn: str, minutes: int) -> Compute:
        training = self._stack.settings.training
        return job_compute(
            self._stack,
            self._props.foundation,
            workload=Job.TRAINING,
            role_arn=role_arn,
            image_uri=self._props.image_uri,
            instance_type=training.instance_type,
            volume_customer_key=training.volume_customer_key,
            minutes=minutes,
        )

    def _release_what_was_stopped(self) -> None:
        functions = self._props.functions
        self.stopped = on_stopped(
            self,
            "Stopped",
            stack=self._stack,
            machine=self.machine,
            calls=[(functions.lease, None), (functions.rollout, None)],
            dead_letters=self._props.foundation.security.dead_letters,
        )

    def _start_on_schedule(self) -> None:
        start_on_schedule(
            self,
            "Schedule",
            stack=self._stack,
            foundation=self._props.foundation,
            machine=self.machine,
            description="Starts retraining",
            expression=self._stack.settings.training.schedule,
            request=json.dumps({"reason": "schedule"}),
        )


def job_compute(
    stack: ModelStack,
    foundation: Foundation,
    *,
    workload: Job,
    role_arn: str,
    image_uri: str,
    instance_type: str,
    volume_customer_key: bool,
    minutes: int,
) -> Compute:
    """Compute of a job in the isolated VPC, with volumes and output under the models key."""
    network = foundation.network
    subnets = network.vpc.select_subnets(subnet_type=network.subnets.subnet_type)
    models_key = foundation.keys.models.key_arn
    own_key = volume_customer_key and not has_local_storage(instance_type)
    return Compute(
        job_prefix=stack.names.model_prefix,
        image_uri=image_uri,
        instance_type=instance_type,
        role_arn=role_arn,
        network=Network(
            subnet_ids=list(subnets.subnet_ids),
            security_group_ids=[network.security_groups[workload].security_group_id],
        ),
        output_key_arn=models_key,
        volume_key_arn=models_key if own_key else None,
        max_runtime_seconds=minutes * 60,
        environment={"AWS_DEFAULT_REGION": stack.region, "AWS_REGION": stack.region},
    )
