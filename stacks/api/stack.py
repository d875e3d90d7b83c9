"""The way in for clients: REST API, WAF, a router for each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import CfnOutput
from constructs import Construct

from config.load import Deployment
from lambdas.router.environment import RouterEnvironment
from stacks.api.outputs import Api
from stacks.api.prediction_api import ApiModel, PredictionApi, PredictionApiProps
from stacks.api.users import ApiUsers
from stacks.api.web_acl import WebAcl, WebAclProps
from stacks.kit.base_stack import BaseStack, scope_of
from stacks.kit.foundation import Foundation
from stacks.kit.grants import allow_pseudonyms
from stacks.kit.platform_function import PlatformFunction, PlatformFunctionProps
from stacks.kit.sagemaker_names import sagemaker_arn
from stacks.serving.outputs import Serving

# API Gateway gives up after 29 seconds.
ROUTER_TIMEOUT_SECONDS = 29


@dataclass(frozen=True, slots=True)
class ApiProps:
    """What the API stands on."""

    foundation: Foundation
    serving: Mapping[str, Serving]
    """By model."""


class ApiStack(BaseStack):
    """``outputs``: routers and REST API."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: ApiProps) -> None:
        super().__init__(
            scope,
            "api",
            deployment=deployment,
            description="Millrace: REST API for predictions, WAF, router",
        )
        self._props = props
        self.routers = {
            model.settings.model: self._define_router(model) for model in deployment.models
        }
        users = ApiUsers(self, "Users", stack=self) if self.settings.api.auth == "cognito" else None
        self.api = PredictionApi(
            self,
            "Predictions",
            stack=self,
            props=PredictionApiProps(
                foundation=props.foundation,
                models=[
                    ApiModel(scope_of(model), self.routers[model.settings.model], model.contract)
                    for model in deployment.models
                ],
                authorizer=users.authorizer if users else None,
            ),
        )
        self.web_acl = WebAcl(
            self,
            "WebAcl",
            stack=self,
            props=WebAclProps(
                foundation=props.foundation,
                stage_arn=self.api.api.deployment_stage.stage_arn,
            ),
        )
        self.outputs = Api(rest_api=self.api.api, platform_functions=self.platform_functions)
        CfnOutput(self, "ApiUrl", value=self.api.api.url)
        CfnOutput(self, "ApiCallersPolicyArn", value=self.api.callers.managed_policy_arn)

    def _define_router(self, model: Deployment) -> PlatformFunction:
        foundation, name = self._props.foundation, model.settings.model
        serving = self._props.serving[name]
        router = PlatformFunction(
            self,
            f"{name.capitalize()}Router",
            props=PlatformFunctionProps(
                environment=RouterEnvironment(
                    endpoint_name=serving.endpoint_name,
                    variants=",".join(model.settings.serving.answering_variants),
                    pseudonym_key_arn=foundation.security.pseudonym_key.key_arn,
                    batch_records=self.settings.api.batch_records,
                ),
                description=f"Validates and pseudonymises records, asks the endpoint of {name}",
                contract=model.contract,
                foundation=foundation,
                memory_megabytes=512,
                timeout_seconds=ROUTER_TIMEOUT_SECONDS,
            ),
        )
        allow_pseudonyms(router.role, foundation.security)
        if serving.endpoint_name:
            router.role.allow(
                ["sagemaker:InvokeEndpoint"],
                [sagemaker_arn(self, "endpoint", serving.endpoint_name)],
            )
        return router
