"""Model registry, retraining flow and the functions that move models into service."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk import CfnOutput
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from config.load import Deployment
from core import names
from stacks.data_lake.outputs import Lake
from stacks.kit import sagemaker_names
from stacks.kit.base_stack import ModelStack
from stacks.kit.calls import payload
from stacks.kit.container_image import framework_image
from stacks.kit.foundation import Foundation
from stacks.kit.grants import allow_listing, allow_objects
from stacks.kit.job_role import allow_job_logs, job_role
from stacks.kit.processing_code import publish_code
from stacks.kit.sagemaker_names import alarm_arns, guard_alarm_names
from stacks.kit.scheduled_call import ScheduledCall, ScheduledCallProps
from stacks.kit.service_role import ServiceRole
from stacks.processing.outputs import Processing
from stacks.training.lease_table import lease_table
from stacks.training.model_registry import ModelRegistry, ModelRegistryProps
from stacks.training.outputs import Training
from stacks.training.retraining_flow import RetrainingFlow, RetrainingFlowProps
from stacks.training.serving_deploy_role import ServingDeployRole, ServingDeployRoleProps
from stacks.training.training_functions import TrainingFunctions, TrainingFunctionsProps

UPDATE_ENDED = (
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
)
RECONCILE_EVERY = "rate(15 minutes)"


@dataclass(frozen=True, slots=True)
class TrainingProps:
    """What training stands on."""

    foundation: Foundation
    lake: Lake
    processing: Processing


class TrainingStack(ModelStack):
    """``outputs``: registry, functions, retraining flow, code of jobs, the endpoint's role.

    Stateful for the registry and the lease. The roles of the endpoint and of its roll-out are here,
    not in the serving stack, because the rollout function passes them: the serving stack is named,
    never referenced.
    """

    def __init__(self, scope: Construct, *, deployment: Deployment, props: TrainingProps) -> None:
        super().__init__(
            scope,
            "training",
            deployment=deployment,
            description="Millrace: model registry, retraining flow, roll-out",
            stateful=True,
        )
        self._props = props
        self.image_uri = framework_image(
            self.settings.training.algorithm.IMAGE, self.settings.region
        )
        self.registry = ModelRegistry(
            self,
            "Registry",
            props=ModelRegistryProps(foundation=props.foundation, image_uri=self.image_uri),
        )
        self.code = publish_code(self, self)
        self.endpoint_role = self._define_endpoint_role()
        self.functions = self._define_functions()
        self.flow = self._define_flow()
        self._reconcile()
        self.outputs = Training(
            registry=self.registry,
            functions=self.functions,
            machine=self.flow.machine,
            code=self.code,
            image_uri=self.image_uri,
            endpoint_role_arn=self.endpoint_role.arn,
            platform_functions=self.platform_functions,
        )
        CfnOutput(self, "StateMachineArn", value=self.flow.machine.state_machine_arn)
        CfnOutput(self, "ModelPackageGroup", value=self.registry.group_name)

    def _define_endpoint_role(self) -> ServiceRole:
        lake, foundation = self._props.lake, self._props.foundation
        role = job_role(
            self,
            "EndpointRole",
            description="Serves models: reads artefacts, captures requests",
            foundation=foundation,
            policies=[lake.readers.of[self.names.model].models, self.registry.seed_readers],
            # SageMaker checks artefacts and writes captures from its own network.
            path=self.names.service_role_path,
        )
        allow_job_logs(role, "/aws/sagemaker/Endpoints/")
        allow_listing(role, lake.artifacts)
        # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
        guards = [
            name for variant in names.VARIANTS for name in guard_alarm_names(self.names, variant)
        ]
        role.allow(["cloudwatch:DescribeAlarms"], alarm_arns(self, guards))
        captures = [f"{names.MONITORING_CAPTURE}{sagemaker_names.endpoint_name(self.names)}/"]
        allow_objects(role, lake.monitoring, foundation.keys.models, write=captures)
        return role

    def _define_functions(self) -> TrainingFunctions:
        props = self._props
        deploy_role = ServingDeployRole(
            self,
            "ServingDeploy",
            props=ServingDeployRoleProps(
                foundation=props.foundation,
                pointer_arns=self.registry.pointer_arns,
                packages=self.registry.package_readers,
                endpoint_role_arn=self.endpoint_role.arn,
            ),
        )
        self.lease_table = lease_table(
            self, "Lease", settings=self.settings, key=props.foundation.keys.messages
        )
        return TrainingFunctions(
            self,
            "Functions",
            stack=self,
            props=TrainingFunctionsProps(
                foundation=props.foundation,
                lake=props.lake,
                registry=self.registry,
                image_uri=self.image_uri,
                lease_table=self.lease_table,
                deploy_role=deploy_role,
            ),
        )

    def _define_flow(self) -> RetrainingFlow:
        props = self._props
        return RetrainingFlow(
            self,
            "Retraining",
            stack=self,
            props=RetrainingFlowProps(
                foundation=props.foundation,
                lake=props.lake,
                registry=self.registry,
                functions=self.functions,
                curate=props.processing.curate,
                features=props.processing.features[self.names.model],
                code=self.code,
                image_uri=self.image_uri,
            ),
        )

    def _reconcile(self) -> None:
        """Settle traffic: after each change of serving stack and endpoint, and regularly."""
        rollout = self.functions.rollout.function
        self._reconcile_on(
            "ServingStackChanged",
            "serving-stack-changed",
            "The serving stack's update ended: reconcile it with the pointers",
            events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={
                    "stack-id": [{"prefix": self.functions.serving_stack_arn.rstrip("*")}],
                    "status-details": {"status": list(UPDATE_ENDED)},
                },
            ),
        )
        if self.settings.serving.has_endpoint:
            # New weights take minutes to be there, and what follows them waits for that. Any state:
            # events name them otherwise than DescribeEndpoint, and a busy endpoint is left alone.
            # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
            endpoint = sagemaker_names.endpoint_name(self.names)
            self._reconcile_on(
                "EndpointChanged",
                "endpoint-changed",
                "The endpoint changed: reconcile it with the pointers",
                events.EventPattern(
                    source=["aws.sagemaker"],
                    detail_type=["SageMaker Endpoint State Change"],
                    detail={"EndpointName": [endpoint]},
                ),
            )
        ScheduledCall(
            self,
            "Reconcile",
            stack=self,
            props=ScheduledCallProps(
                description="Reconciles model pointers and serving stack",
                expression=RECONCILE_EVERY,
                target=rollout.function_arn,
                request=json.dumps(payload("rollout", "reconcile", {})),
                actions=["lambda:InvokeFunction"],
                resources=[rollout.function_arn],
                foundation=self._props.foundation,
            ),
        )

    def _reconcile_on(
        self, construct_id: str, name: str, description: str, pattern: events.EventPattern
    ) -> None:
        rule = events.Rule(
            self,
            construct_id,
            rule_name=self.names.rule(self.names.model_stack(name)),
            description=description,
            event_pattern=pattern,
        )
        dead_letters = self._props.foundation.security.dead_letters
        rollout = self.functions.rollout.function
        rule.add_target(targets.LambdaFunction(rollout, dead_letter_queue=dead_letters))
