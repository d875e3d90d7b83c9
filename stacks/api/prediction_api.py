"""REST API in front of the routers, one below each model's name.

It is authorised, validated, throttled, logged and traced.

API Gateway writes logs with one role for the whole account and Region. That role is a singleton,
so it is never created here (``cloud_watch_role=False``): see the runbook's first section.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from core import names
from stacks.api.findings import (
    acknowledge_no_cache,
    acknowledge_signed_calls,
    except_route_permission,
)
from stacks.api.gateway_responses import add_gateway_responses
from stacks.api.request_models import answer_model, batch_model, body_model, record_model
from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Foundation
from stacks.kit.log_group import encrypted_log_group, named_log_group
from stacks.kit.platform_function import PlatformFunction

STAGE = "v1"
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "error": "$context.error.responseType",
    "waf": "$context.waf.status",
    "traceId": "$context.xrayTraceId",
}


# Verb of each route below a model's name, and whether it takes a body.
ROUTES = (
    (names.ROUTE_PREDICTIONS, "POST", True),
    (names.ROUTE_BATCH, "POST", True),
    (names.ROUTE_HEALTH, "GET", False),
)


@dataclass(frozen=True, slots=True)
class ApiModel:
    """One model behind the API."""

    scope: names.Scope
    router: PlatformFunction
    contract: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PredictionApiProps:
    """What the API fronts and who may call it."""

    foundation: Foundation
    models: Sequence[ApiModel]
    authorizer: apigateway.IAuthorizer | None
    """None: callers sign with IAM."""


class PredictionApi(Construct):
    """``api`` and ``callers``, the policy that lets a principal call it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: PredictionApiProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self.access_log = encrypted_log_group(
            self, "AccessLog", settings=stack.settings, key=props.foundation.keys.logs
        )
        self.api = self._define_api()
        self._add_execution_log()
        self._add_client_certificate()
        self._add_routes()
        add_gateway_responses(self.api, self)
        self.callers = self._define_callers()
        acknowledge_no_cache(self.api.deployment_stage)

    def _define_api(self) -> apigateway.RestApi:
        settings = self._stack.settings.api
        return apigateway.RestApi(
            self,
            "Api",
            rest_api_name=f"{self._stack.names.stack_prefix}-predictions",
            description="Predictions by record and by batch",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=settings.requests_per_second,
                throttling_burst_limit=settings.burst,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                logging_level=apigateway.MethodLoggingLevel.INFO,
                # Bodies hold classified values in clear: never traced.
                data_trace_enabled=False,
                metrics_enabled=True,
                tracing_enabled=True,
            ),
        )

    def _add_execution_log(self) -> None:
        """API Gateway would create this group itself, unencrypted and for ever."""
        group = named_log_group(
            self,
            "ExecutionLog",
            name=f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{STAGE}",
            settings=self._stack.settings,
            key=self._props.foundation.keys.logs,
        )
        self.api.deployment_stage.node.add_dependency(group)

    def _add_client_certificate(self) -> None:
        """What the stage shows to an HTTP back end, should a route ever get one.

        The routes here are signed Lambda invocations, which ask for no certificate: when it expires
        after a year, nothing stops.
        """
        certificate = apigateway.CfnClientCertificate(
            self, "ClientCertificate", description=f"{self._stack.names.stack_prefix} predictions"
        )
        stage = self.api.deployment_stage.node.default_child
        if not isinstance(stage, apigateway.CfnStage):
            raise TypeError("the API's stage is not a CfnStage")
        stage.client_certificate_id = certificate.attr_client_certificate_id

    def _add_routes(self) -> None:
        limit = self._stack.settings.api.batch_records
        # For integrators: what the routes take and say, in the exported definition.
        for model in self._props.models:
            name = model.scope.model.capitalize()
            self._model(f"{name}Record", record_model(model.contract))
            self._model(f"{name}Batch", batch_model(model.contract, limit))
            self._model(f"{name}Answer", answer_model(model.contract))
        body = self._model("Body", body_model())
        validator = apigateway.RequestValidator(
            self,
            "Validator",
            rest_api=self.api,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        for model in self._props.models:
            for route, verb, takes_body in ROUTES:
                self._add_route(model, route, verb, body if takes_body else None, validator)

    def _add_route(
        self,
        model: ApiModel,
        route: str,
        verb: str,
        body: apigateway.IModel | None,
        validator: apigateway.IRequestValidator,
    ) -> None:
        authorizer = self._props.authorizer
        method = self.api.root.resource_for_path(model.scope.route(route)).add_method(
            verb,
            apigateway.LambdaIntegration(
                model.router.function, proxy=True, allow_test_invoke=False
            ),
            # For every content type: a body would pass unchecked under any other one. The router
            # answers 415 to what is declared as something else.
            request_models={"$default": body} if body else None,
            request_validator=validator,
            request_parameters={f"method.request.header.{names.VARIANT_HEADER}": False}
            if body
            else None,
            authorization_type=apigateway.AuthorizationType.COGNITO
            if authorizer
            else apigateway.AuthorizationType.IAM,
            authorizer=authorizer,
        )
        except_route_permission(method)
        if authorizer is None:
            acknowledge_signed_calls(method)

    def _model(self, name: str, schema: dict[str, object]) -> apigateway.IModel:
        resource = apigateway.CfnModel(
            self,
            f"{name}Model",
            rest_api_id=self.api.rest_api_id,
            content_type="application/json",
            # Integrators find it by name in the exported definition.
            name=name,
            schema=schema,
        )
        deployment = self.api.latest_deployment
        assert deployment is not None
        deployment.add_to_logical_id({name: schema})
        deployment.node.add_dependency(resource)
        return apigateway.Model.from_model_name(self, f"{name}Reference", resource.ref)

    def _define_callers(self) -> iam.ManagedPolicy:
        """Attach it to whoever may ask for predictions."""
        routes = [
            self.api.arn_for_execute_api(verb, model.scope.route(route), STAGE)
            for model in self._props.models
            for route, verb, _ in ROUTES
        ]
        return iam.ManagedPolicy(
            self,
            "Callers",
            description="May ask this API for predictions",
            path=self._stack.names.role_path,
            statements=[iam.PolicyStatement(actions=["execute-api:Invoke"], resources=routes)],
        )
