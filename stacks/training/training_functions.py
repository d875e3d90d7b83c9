"""The functions that the retraining flow calls: lease, gate, registry and rollout.

Each has what its handler calls and nothing more. Lease and rollout are also called by EventBridge
when an execution stops; an event that one of them cannot process ends as a dead letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from core import names
from lambdas.gate.environment import GateEnvironment
from lambdas.lease.environment import LeaseEnvironment
from lambdas.registry.environment import RegistryEnvironment
from lambdas.rollout.environment import RolloutEnvironment
from lambdas.shared.environment import Environment
from stacks.data_lake.outputs import Lake
from stacks.data_lake.readers import ModelReaders
from stacks.kit import sagemaker_names
from stacks.kit.base_stack import ModelStack
from stacks.kit.customer_policy import CustomerPolicy, Reason
from stacks.kit.foundation import Foundation
from stacks.kit.grants import allow_table_key
from stacks.kit.platform_function import PlatformFunction, PlatformFunctionProps
from stacks.kit.sagemaker_names import alarm_arns, sagemaker_arn
from stacks.serving.settings import Realtime
from stacks.training.model_registry import VERSIONS, ModelRegistry
from stacks.training.serving_deploy_role import ServingDeployRole

SERVING = "serving"
SERVING_STACK = Reason(
    constraint="A stack's ARN ends in an id that CloudFormation gives when the stack is created, "
    "and the serving stack is created after this policy.",
    evidence="docs/adr/0002-roll-out-by-stack-update.md",
    control="The pattern holds one stack name; the update runs under a role that can only serve "
    "another model, and only that role may be passed.",
)


@dataclass(frozen=True, slots=True)
class TrainingFunctionsProps:
    """What the functions work on."""

    foundation: Foundation
    lake: Lake
    registry: ModelRegistry
    image_uri: str
    lease_table: dynamodb.ITable
    deploy_role: ServingDeployRole


class TrainingFunctions(Construct):
    """``lease``, ``gate``, ``registry`` and ``rollout``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stack: ModelStack,
        props: TrainingFunctionsProps,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self.lease = self._define_lease()
        self.gate = self._define_gate()
        self.registry = self._define_registry()
        self.rollout = self._define_rollout()

    @property
    def every(self) -> list[PlatformFunction]:
        """All four, for grants."""
        return [self.lease, self.gate, self.registry, self.rollout]

    def _function(
        self,
        environment: Environment,
        description: str,
        *,
        policies: Sequence[CustomerPolicy] = (),
        path: str | None = None,
        timeout_seconds: int = 60,
    ) -> PlatformFunction:
        return PlatformFunction(
            self,
            environment.FUNCTION.capitalize(),
            props=PlatformFunctionProps(
                environment=environment,
                description=description,
                foundation=self._props.foundation,
                policies=policies,
                path=path,
                timeout_seconds=timeout_seconds,
            ),
        )

    def _define_lease(self) -> PlatformFunction:
        training = self._stack.settings.training
        function = self._function(
            LeaseEnvironment(
                lease_table=self._props.lease_table.table_name,
                lease_minutes=training.lease_minutes,
                cooldown_minutes=training.cooldown_minutes,
            ),
            "Decides which execution may retrain, and gives the lease back",
        )
        self._allow_lease(function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        return function

    def _allow_lease(self, function: PlatformFunction, *actions: str) -> None:
        function.role.allow(actions, [self._props.lease_table.table_arn])
        key = self._props.foundation.keys.messages
        allow_table_key(function.role, self._props.lease_table, key)

    def _define_gate(self) -> PlatformFunction:
        lake = self._props.lake
        return self._function(
            GateEnvironment(
                model=self._stack.names.model,
                features_bucket=lake.features.bucket_name,
                artifacts_bucket=lake.artifacts.bucket_name,
            ),
            "Data-quality gate and champion/challenger decision",
            policies=[self._readers.runs, self._readers.evaluations],
        )

    def _define_registry(self) -> PlatformFunction:
        registry, lake = self._props.registry, self._props.lake
        function = self._function(
            RegistryEnvironment(
                package_group=registry.group_name,
                image_uri=self._props.image_uri,
                champion_parameter=self._stack.names.pointer(names.CHAMPION),
                artifacts_bucket=lake.artifacts.bucket_name,
                model=self._stack.names.model,
            ),
            "Describes the champion and registers packages that passed the gate",
            policies=[self._readers.evaluations, self._readers.models],
            # SageMaker reads the archive of a package with the caller's rights, from its network.
            path=self._stack.names.service_role_path,
        )
        self._allow_packages(function)
        function.role.allow(["ssm:GetParameter"], registry.pointer_arns[:1])
        return function

    def _allow_packages(self, function: PlatformFunction) -> None:
        """SageMaker: a version's number is not known before it exists, hence the pattern."""
        registry = self._props.registry
        function.role.allow(
            ["sagemaker:CreateModelPackage"],
            [registry.group_arn, registry.packages_arn],
            reason=VERSIONS,
        )
        function.role.allow(
            ["sagemaker:DescribeModelPackage"], [registry.packages_arn], reason=VERSIONS
        )

    def _define_rollout(self) -> PlatformFunction:
        props, scope, serving = self._props, self._stack.names, self._stack.settings.serving
        function = self._function(
            RolloutEnvironment(
                champion_parameter=scope.pointer(names.CHAMPION),
                challenger_parameter=scope.pointer(names.CHALLENGER),
                # By name: the serving stack comes later and reads the pointers of this one.
                serving_stack=self._serving_stack,
                serving_deploy_role_arn=props.deploy_role.arn,
                endpoint_name=sagemaker_names.endpoint_name(scope) if serving.has_endpoint else "",
                lease_table=props.lease_table.table_name,
                experiment_weight=serving.experiment_share,
                challenger_weight=serving.challenger_share,
                guardrail_alarms=",".join(self._guards),
            ),
            "Moves the model pointers and updates the serving stack",
        )
        self._allow_lease(function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        function.role.allow(["ssm:GetParameters", "ssm:PutParameter"], props.registry.pointer_arns)
        self._allow_stack_update(function)
        self._allow_alarms(function)
        return function

    @property
    def _guards(self) -> list[str]:
        """Alarms that SageMaker follows during an update; none without an endpoint."""
        serving = self._stack.settings.serving
        variants = serving.served_variants if isinstance(serving, Realtime) else ()
        scope = self._stack.names
        return [
            name
            for variant in variants
            for name in sagemaker_names.guard_alarm_names(scope, variant)
        ]

    def _allow_alarms(self, function: PlatformFunction) -> None:
        """CloudWatch: whether guardrails ring, and whether the experiment's alarms rang."""
        scope = self._stack.names
        watched = [
            *sagemaker_names.endpoint_alarm_names(scope, names.CHALLENGER),
            *sagemaker_names.guard_alarm_names(scope, names.CHALLENGER),
        ]
        function.role.allow(["cloudwatch:DescribeAlarmHistory"], alarm_arns(self._stack, watched))
        every = list(dict.fromkeys([*watched, *self._guards]))
        function.role.allow(["cloudwatch:DescribeAlarms"], alarm_arns(self._stack, every))

    def _allow_stack_update(self, function: PlatformFunction) -> None:
        """CloudFormation on one stack under one role; SageMaker for weights of one endpoint."""
        function.role.allow(
            [
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStacks",
                "cloudformation:UpdateStack",
            ],
            [self.serving_stack_arn],
            reason=SERVING_STACK,
        )
        function.role.allow(
            ["iam:PassRole"],
            [self._props.deploy_role.arn],
            {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        )
        endpoint = sagemaker_names.endpoint_name(self._stack.names)
        function.role.allow(
            ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
            [sagemaker_arn(self._stack, "endpoint", endpoint)],
        )

    @property
    def _readers(self) -> ModelReaders:
        return self._props.lake.readers.of[self._stack.names.model]

    @property
    def _serving_stack(self) -> str:
        scope = self._stack.names
        return scope.stack(scope.model_stack(SERVING))

    @property
    def serving_stack_arn(self) -> str:
        """Pattern of the serving stack: its ARN ends in an id that CloudFormation chooses."""
        return self._stack.arn("cloudformation", f"stack/{self._serving_stack}/*")
