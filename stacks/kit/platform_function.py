"""A Lambda function as every function of Millrace is: isolated, traced, encrypted, bounded.

An event that fails after its retries goes to the deployment's dead-letter queue. An on-failure
destination would carry more (the function's answer), but Lambda sends to both where both are
set, and the queue's message names the error and the request, which the function's log has in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from bundles.archives import function_bundle
from core import names
from lambdas.shared.environment import Environment, variable
from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Foundation
from stacks.kit.function_findings import (
    acknowledge_shared_concurrency,
    except_names_like_secrets,
)
from stacks.kit.log_group import encrypted_log_group
from stacks.kit.powertools_layer import ARCHITECTURE, RUNTIME, powertools_layer
from stacks.kit.service_role import ServiceRole, ServiceRoleProps


@dataclass(frozen=True, slots=True)
class PlatformFunctionProps:
    """What differs between functions."""

    environment: Environment
    """What its handler reads; the model says which function it is."""
    description: str
    foundation: Foundation
    policies: Sequence[CustomerPolicy] = ()
    """Shared policies that the function needs, beside that of every function."""
    memory_megabytes: int = 256
    timeout_seconds: int = 30
    path: str | None = None
    """IAM path of the role, where it is not that of roles whose calls leave from our network."""
    contract: Mapping[str, Any] | None = None
    """What its archive holds, where it is not the stack's: a function of one model."""
    reserved_key: str | None = None
    """Key into ``settings.reserved_concurrency``; the function's name by default."""

    @property
    def function(self) -> str:
        """Folder below ``lambdas/``, whose handler runs in the security group of the same name."""
        return self.environment.FUNCTION


class PlatformFunction(Construct):
    """Function, execution role, log group; ``grants`` is the policy that grants go to."""

    def __init__(
        self, scope: Construct, construct_id: str, *, props: PlatformFunctionProps
    ) -> None:
        super().__init__(scope, construct_id)
        stack = stack_of(self)
        self._stack = stack
        self._props = props
        self._reserved = stack.settings.reserved_concurrency.get(
            props.reserved_key or props.function
        )
        self.log_group = encrypted_log_group(
            self, "Logs", settings=stack.settings, key=props.foundation.keys.logs
        )
        self.role = self._define_role()
        self.grants = self.role.policy
        self.function = self._define_function()
        self.function.node.add_dependency(self.role.policy)
        self._acknowledge()
        stack.platform_functions[construct_id.removesuffix("Function")] = self

    def _define_role(self) -> ServiceRole:
        security = self._props.foundation.security
        role = ServiceRole(
            self,
            "Execution",
            props=ServiceRoleProps(
                service="lambda.amazonaws.com",
                description=f"Execution role of the {self._props.function} function",
                path=self._props.path or self._stack.names.role_path,
                boundary=security.boundary,
                policies=[security.runtimes.function, *self._props.policies],
            ),
        )
        self.log_group.grant_write(role.policy)
        return role

    def _define_function(self) -> lambda_.Function:
        props = self._props
        foundation = props.foundation
        bundle = function_bundle(props.function, props.contract or self._stack.contract)
        return lambda_.Function(
            self,
            "Function",
            description=props.description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_.Code.from_asset(str(bundle)),
            handler=f"lambdas.{props.function}.handler.handler",
            layers=[powertools_layer(self._stack)],
            role=self.role.fixed_role,
            environment=self._environment(),
            environment_encryption=foundation.keys.messages,
            memory_size=props.memory_megabytes,
            timeout=Duration.seconds(props.timeout_seconds),
            reserved_concurrent_executions=self._reserved,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            vpc=foundation.network.vpc,
            vpc_subnets=foundation.network.subnets,
            security_groups=[foundation.network.security_groups[props.function]],
            dead_letter_queue=foundation.security.dead_letters,
        )

    def _environment(self) -> dict[str, str]:
        model = self._props.environment
        variables = {variable(one.name): str(getattr(model, one.name)) for one in fields(model)}
        return variables | {
            "POWERTOOLS_SERVICE_NAME": f"{names.PRODUCT}-{self._props.function}",
            "POWERTOOLS_METRICS_NAMESPACE": "Millrace/Functions",
        }

    def _acknowledge(self) -> None:
        if self._reserved is None:
            acknowledge_shared_concurrency(self.function)
        except_names_like_secrets(self.function, self._environment())

    def errors(self, period: Duration) -> cloudwatch.Metric:
        """Failed invocations."""
        return self.function.metric_errors(period=period)

    def throttles(self, period: Duration) -> cloudwatch.Metric:
        """Invocations refused for lack of concurrency."""
        return self.function.metric_throttles(period=period)
