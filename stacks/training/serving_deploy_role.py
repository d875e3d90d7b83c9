"""The CloudFormation service role of a roll-out: it can serve another model and nothing else.

The rollout function passes it to ``UpdateStack`` for the serving stack, with the previous template.
It may make and delete this deployment's models and endpoint configurations, update its one
endpoint and turn the alarms that guard the update to the new configuration, pass the endpoint's
role to SageMaker, and read the pointers and other stacks' outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from core import names
from stacks.kit import sagemaker_names
from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy, Reason
from stacks.kit.foundation import Foundation
from stacks.kit.sagemaker_names import alarm_arns, sagemaker_arn
from stacks.kit.service_role import ServiceRole, ServiceRoleProps

SERVICE_ROLE_PAGE = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html"
)

MADE_ANEW = Reason(
    constraint="Models and configurations are create-only, so each roll-out makes new ones with a "
    "new suffix; stack ARNs end in an id that CloudFormation chooses.",
    evidence=SERVICE_ROLE_PAGE,
    control="Names start with this instance and environment; only the rollout function may pass "
    "the role, to CloudFormation, and the previous template is used.",
)


@dataclass(frozen=True, slots=True)
class ServingDeployRoleProps:
    """What a roll-out has to reach."""

    foundation: Foundation
    pointer_arns: list[str]
    packages: CustomerPolicy
    """Reads the registry's packages."""
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
                policies=[props.packages],
            ),
        )
        self._allow_models()
        self._allow_endpoint()
        self._allow_references()

    @property
    def arn(self) -> str:
        """ARN of the role."""
        return self.service_role.role.role_arn

    def _own(self, kind: str) -> str:
        return sagemaker_arn(self._stack, kind, f"{self._stack.names.model_prefix}-*")

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
            reason=MADE_ANEW,
        )
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
            reason=MADE_ANEW,
        )
        self.service_role.allow(["sagemaker:DescribeEndpoint", "sagemaker:ListTags"], [endpoint])
        # UpdateEndpoint names the configuration too.
        self.service_role.allow(
            ["sagemaker:UpdateEndpoint"], [endpoint, self._own("endpoint-config")]
        )
        # Guardrails: SageMaker checks that the caller may see the alarms that it will follow.
        guards = alarm_arns(
            self._stack,
            [
                name
                for variant in names.VARIANTS
                for name in sagemaker_names.guard_alarm_names(self._stack.names, variant)
            ],
        )
        # They watch one configuration, so each roll-out turns them to its own.
        self.service_role.allow(
            [
                "cloudwatch:DescribeAlarms",
                "cloudwatch:ListTagsForResource",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            guards,
        )
        models_key = self._props.foundation.keys.models
        self.service_role.allow(
            ["kms:CreateGrant"],
            [models_key.key_arn],
            {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )
        self.service_role.allow(["kms:DescribeKey"], [models_key.key_arn])

    def _allow_references(self) -> None:
        """SSM for the typed parameters, DescribeStacks for ``Fn::GetStackOutput``."""
        self.service_role.allow(["ssm:GetParameters"], self._props.pointer_arns)
        stacks = self._stack.arn("cloudformation", f"stack/{self._stack.names.stack_prefix}-*")
        self.service_role.allow(["cloudformation:DescribeStacks"], [stacks], reason=MADE_ANEW)
