"""From where a request comes: the VPC endpoint, and whether an AWS service makes it.

Everything here runs on the host's loopback, yet bucket policies ask through which VPC endpoint a
request came. On AWS that is decided by the subnets of the caller's network interface, so it is
here: the session of a workload that is attached to subnets (function, Glue job with a connection,
SageMaker job with a VPC) carries the gateway endpoint of those subnets' route tables, and meets
that endpoint's own policy. The same role's session made anywhere else carries none, nor does what
a service does with a role in its own network: deliveries, data capture, the check of an artefact.

``aws:PrincipalIsAWSService`` is false for whoever signs with credentials of the account; the
dispatchers send it as true for what a service does by itself. ``aws:CalledVia`` is never sent:
no service here calls another with its caller's credentials.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from local.emulator import function_properties, iam_recorder
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_EVALUATOR = "ministack.core.iam_evaluator"
_RUNTIMES = ("ministack.core.lambda_runtime", "ministack.services.lambda_svc")
_ENDPOINT, _BY_SERVICE = "aws:sourcevpce", "aws:principalisawsservice"
# Carries a session's subnets to wherever its principal is evaluated; no policy can name it.
_SUBNETS = "millrace:subnets"
# Services that are reached through a gateway in the route table.
_GATEWAYS = ("s3", "dynamodb")

pin(_EVALUATOR, _resolve_condition_key="callable", _principal_keys="callable")
for _runtime in _RUNTIMES:
    pin(_runtime, execution_credentials="callable")
pin("ministack.services.lambda_svc", _vpc_config_with_id="callable")
pin("ministack.services.ec2", _vpc_endpoints="scoped", _route_tables="scoped")

_sessions: dict[str, tuple[str, ...]] = {}


def attach_to_subnets(access_key: str, subnets: Sequence[str]) -> None:
    """Requests signed with this key leave from these subnets from now on; none: from outside."""
    _sessions[access_key] = tuple(subnets)


def _route_table(subnet: str) -> str:
    from ministack.services import ec2

    for table in ec2._route_tables.values():
        if any(entry.get("SubnetId") == subnet for entry in table.get("Associations", [])):
            return str(table["RouteTableId"])
    return ""


def endpoint_of(subnets: Sequence[str], service: str) -> dict[str, Any] | None:
    """The gateway endpoint for a service in the route tables of all these subnets.

    With one subnet that has none, AWS would refuse some of the calls; here all are refused.
    """
    from ministack.services import ec2

    tables = {_route_table(subnet) for subnet in subnets}
    for endpoint in ec2._vpc_endpoints.values():
        serves = str(endpoint["ServiceName"]).endswith(f".{service}")
        gateway = endpoint["VpcEndpointType"] == "Gateway"
        if serves and gateway and tables and tables <= set(endpoint["RouteTableIds"]):
            found: dict[str, Any] = endpoint
            return found
    return None


def _endpoint_for(principal_keys: dict[str, Any], action: str) -> dict[str, Any] | None:
    service = action.partition(":")[0]
    subnets = principal_keys.get(_SUBNETS)
    return endpoint_of(subnets, service) if subnets and service in _GATEWAYS else None


def _with_origin(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, context: Any) -> Any:
        name = key.lower()
        if name == _ENDPOINT:
            endpoint = _endpoint_for(context.principal_keys, context.action)
            return endpoint["VpcEndpointId"] if endpoint else None
        found = original(key, context)
        return "false" if found is None and name == _BY_SERVICE else found

    return resolve


def _with_subnets(original: Callable[..., Any]) -> Callable[..., Any]:
    def keys(credential: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(credential)
        subnets = _sessions.get(credential.access_key_id)
        return found | {_SUBNETS: subnets} if subnets else found

    return keys


def _from_function_subnets(original: Callable[..., Any]) -> Callable[..., Any]:
    def credentials(config: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = original(config)
        subnets = (config.get("VpcConfig") or {}).get("SubnetIds") or []
        attach_to_subnets(found["AWS_ACCESS_KEY_ID"], subnets)
        return found

    return credentials


def _through_endpoint(original: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint's own policy has to allow what passes it."""

    def enforce(  # noqa: PLR0917 (as MiniStack calls it)
        access_key: str, action: str, service: str, region: str,
        resource_arn: str = "*", service_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        denied = original(access_key, action, service, region, resource_arn, service_context)
        principal = iam_recorder.current_principal()
        if denied or getattr(principal, "policies", None) is None:
            return denied
        endpoint = _endpoint_for(principal.keys, action)
        policy = endpoint and endpoint.get("PolicyDocument")
        if not policy:
            return None
        from ministack.core import iam_evaluator as evaluator

        request = evaluator.EvalContext(
            principal_arn=principal.arn, principal_type=principal.type,
            principal_account=principal.account, action=action, resource_arn=resource_arn,
            region=region, principal_keys=principal.keys,
            service_context={k.lower(): v for k, v in (service_context or {}).items()},
        )  # fmt: skip
        result = evaluator.evaluate_resource_policy(policy, request)
        if result.decision == "Allow":
            return None
        iam_recorder.record(principal.arn, action, resource_arn, result.decision, via="endpoint")
        result.principal_arn = principal.arn
        return result

    return enforce


def _keep_subnets(config: dict[str, Any], props: dict[str, Any]) -> None:
    from ministack.services import lambda_svc

    config["VpcConfig"] = lambda_svc._vpc_config_with_id(props.get("VpcConfig"))


def attach(tables: Tables) -> None:
    """Keep functions' subnets, send the keys, and ask the endpoint's policy."""
    function_properties.keep(tables, _keep_subnets)
    replace(_EVALUATOR, "_resolve_condition_key", _with_origin)
    replace(_EVALUATOR, "_principal_keys", _with_subnets)
    replace(_EVALUATOR, "enforce", _through_endpoint)
    for runtime in _RUNTIMES:
        replace(runtime, "execution_credentials", _from_function_subnets)
