"""The CloudFormation service role of a roll-out: it can serve another model and nothing else.

The rollout function passes it to ``UpdateStack`` for the serving stack, with the previous template.
It may make and delete this deployment's models and endpoint configurations, update its one
endpoint, pass the endpoint's role to SageMaker, and read the pointers and other stacks' outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import ArnFormat, Stack
from constructs import Construct

from stacks.constructs import sagemaker_names
from stacks.constructs.base_stack import stack_of
from stacks.constructs.foundation import Foundation
from stacks.constructs.service_role import ServiceRole, ServiceRoleProps
from stacks.nag import acknowledge

SERVICE_ROLE_PAGE = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html"
)


@dataclass(frozen=True, slots=True)
class ServingDeployRoleProps:
    """What a roll-out has to reach."""

    foundation: Foundation
    pointer_arns: list[str]
    packages_arn: str
    endpoint_role_arn: str


class ServingDeployRole(Construct):
    """The role; ``arn`` goes into the rollout function's environment."""

    def __init__(
        self, scope: Construct, construct_id: str, *, props: ServingDeployRoleProps
    ) -> None:
        super().__init__(scope, construct_id)
        stack = stack_of(self)
        self._stack = stack
        self._props = props
        self.service_role = ServiceRole(
            self,
            "Deploy",
            props=ServiceRoleProps(
                service="cloudformation.amazonaws.com",
                description="CloudFormation role of a roll-out: models of the serving stack only",
                path=stack.names.role_path,
                boundary=props.foundation.security.boundary,
                # CloudFormation sends neither source condition when it assumes a service role;
                # who may pass the role is what guards it.
                source_account=False,
            ),
        )
        self._allow_models()
        self._allow_endpoint()
        self._allow_references()
        self._acknowledge()

    @property
    def arn(self) -> str:
        """ARN of the role."""
        return self.service_role.role.role_arn

    def _own(self, kind: str) -> str:
        return sagemaker_arn(self._stack, kind, f"{sagemaker_names.prefix(self._stack.names)}-*")

    def _allow_models(self) -> None:
        """SageMaker: replace models and configurations, which are create-only."""
        self.service_role.allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateModel",
                "sagemaker:DeleteModel",
                "sagemaker:DescribeModel",
                "sagemaker:ListTags",
            ],
            [self._own("model")],
        )
        self.service_role.allow(["sagemaker:DescribeModelPackage"], [self._props.packages_arn])
        self.service_role.allow(
            ["iam:PassRole"],
            [self._props.endpoint_role_arn],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def _allow_endpoint(self) -> None:
        """SageMaker: a configuration of ours, on the one endpoint; its volumes' key by grant."""
        endpoint = sagemaker_arn(
            self._stack, "endpoint", sagemaker_names.endpoint_name(self._stack.names)
        )
        self.service_role.allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:ListTags",
            ],
            [self._own("endpoint-config")],
        )
        self.service_role.allow(
            ["sagemaker:DescribeEndpoint", "sagemaker:ListTags", "sagemaker:UpdateEndpoint"],
            [endpoint],
        )
        # CreateEndpointConfig and UpdateEndpoint name the configuration and its alarms too.
        self.service_role.allow(["sagemaker:UpdateEndpoint"], [self._own("endpoint-config")])
        # Guardrails: SageMaker checks that the caller may see the alarms that it will follow.
        self.service_role.allow(["cloudwatch:DescribeAlarms"], [self._alarms_arn])
        models_key = self._props.foundation.keys.models
        self.service_role.allow(
            ["kms:CreateGrant"],
            [models_key.key_arn],
            {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )
        self.service_role.allow(["kms:DescribeKey"], [models_key.key_arn])

    def _allow_references(self) -> None:
        """SSM for the typed parameters, DescribeStacks for ``Fn::GetStackOutput``."""
        self.service_role.allow(["ssm:GetParameter", "ssm:GetParameters"], self._props.pointer_arns)
        self.service_role.allow(["cloudformation:DescribeStacks"], [self._stacks_arn])

    @property
    def _alarms_arn(self) -> str:
        pattern = f"{sagemaker_names.prefix(self._stack.names)}-*"
        return self._stack.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=pattern,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    @property
    def _stacks_arn(self) -> str:
        return self._stack.format_arn(
            service="cloudformation",
            resource="stack",
            resource_name=f"{self._stack.names.stack_prefix}-*",
        )

    def _acknowledge(self) -> None:
        patterns = (
            self._own("model"),
            self._own("endpoint-config"),
            self._props.packages_arn,
            self._stacks_arn,
            self._alarms_arn,
        )
        acknowledge(
            self.service_role.policy,
            *(f"AwsSolutions-IAM5[Resource::{pattern}]" for pattern in patterns),
            constraint="Models and configurations are create-only, so each roll-out makes new ones "
            "with a new suffix; stack ARNs end in an id that CloudFormation chooses.",
            evidence=SERVICE_ROLE_PAGE,
            control="Names start with this instance and environment; only the rollout function may "
            "pass the role, to CloudFormation, and the previous template is used.",
        )


def sagemaker_arn(stack: Stack, kind: str, name: str) -> str:
    """ARN of a SageMaker resource of this account and Region."""
    return stack.format_arn(service="sagemaker", resource=kind, resource_name=name)
