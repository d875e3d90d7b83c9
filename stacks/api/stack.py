"""The way in for clients: REST API, WAF, router."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnOutput
from constructs import Construct

from config.load import Deployment
from stacks.api.outputs import Api
from stacks.api.prediction_api import PredictionApi, PredictionApiProps
from stacks.api.users import ApiUsers
from stacks.api.web_acl import WebAcl, WebAclProps
from stacks.kit.base_stack import BaseStack
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
    serving: Serving


class ApiStack(BaseStack):
    """``outputs``: router and REST API."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: ApiProps) -> None:
        super().__init__(
            scope,
            "api",
            deployment=deployment,
            description="Millrace: REST API for predictions, WAF, router",
        )
        self._props = props
        self.router = self._define_router()
        users = ApiUsers(self, "Users", stack=self) if self.settings.api.auth == "cognito" else None
        self.api = PredictionApi(
            self,
            "Predictions",
            stack=self,
            props=PredictionApiProps(
                foundation=props.foundation,
                router=self.router,
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
        self.outputs = Api(router=self.router, rest_api=self.api.api)
        CfnOutput(self, "ApiUrl", value=self.api.api.url)
        CfnOutput(self, "ApiCallersPolicyArn", value=self.api.callers.managed_policy_arn)

    def _define_router(self) -> PlatformFunction:
        foundation, serving = self._props.foundation, self._props.serving
        router = PlatformFunction(
            self,
            "Router",
            props=PlatformFunctionProps(
                function="router",
                description="Validates and pseudonymises records, asks the endpoint",
                foundation=foundation,
                environment={
                    "ENDPOINT_NAME": serving.endpoint_name,
                    "VARIANTS": ",".join(self.settings.serving.answering_variants),
                    "PSEUDONYM_KEY_ARN": foundation.security.pseudonym_key.key_arn,
                    "BATCH_RECORDS": str(self.settings.api.batch_records),
                },
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
