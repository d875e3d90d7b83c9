"""From where a request comes: the VPC endpoint, and whether an AWS service makes it.

Everything here runs on the host's loopback, yet bucket policies ask through which VPC endpoint a
request came. On AWS that is decided by the subnets of the caller's network interface, so it is
here: the session of a workload that is attached to subnets (function, Glue job with a connection,
SageMaker job with a VPC) carries the gateway endpoint of those subnets' route tables, or the VPC's
interface endpoint of the service; it has to be let through by security groups, and meets that
endpoint's own policy. The same role's session made anywhere else carries none, nor does what a
service does with a role in its own network: deliveries, data capture, the check of an artefact.

``aws:PrincipalIsAWSService`` is false for whoever signs with credentials of the account; the
dispatchers send it as true for what a service does by itself. ``aws:CalledVia`` is never sent:
no service here calls another with its caller's credentials.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.emulator import iam_recorder
from local.emulator.callers import PLACE
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.ec2 import reach
from local.services.ec2.reach import Place
from local.services.lambda_ import properties

_EVALUATOR = "ministack.core.iam_evaluator"
_RUNTIMES = ("ministack.core.lambda_runtime", "ministack.services.lambda_svc")
_ENDPOINT, _BY_SERVICE = "aws:sourcevpce", "aws:principalisawsservice"
UNREACHABLE = "no VPC endpoint of the service lets this workload in"

pin(_EVALUATOR, _resolve_condition_key="callable", _principal_keys="callable")
for _runtime in _RUNTIMES:
    pin(_runtime, execution_credentials="callable")
pin("ministack.services.lambda_svc", _vpc_config_with_id="callable")

_sessions: dict[str, Place] = {}


def place_session(access_key: str, place: Place) -> None:
    """Requests signed with this key leave from there from now on; without subnets: from outside."""
    _sessions[access_key] = place


def _endpoint_for(principal_keys: dict[str, Any], action: str) -> dict[str, Any] | None:
    """The endpoint that a request takes; None from outside, or if its service has none there."""
    place: Place | None = principal_keys.get(PLACE)
    if place is None or not place.subnets:
        return None
    service = reach.service_of(action)
    find = reach.gateway if service in reach.GATEWAYS else reach.interface
    return find(place.subnets, service)


def _gets_there(place: Place | None, endpoint: dict[str, Any] | None, action: str) -> bool:
    """Whether a connection would come about. Without a gateway, bucket policies have their say."""
    service = reach.service_of(action)
    if place is None or not place.subnets:
        return True
    if service in reach.GATEWAYS:
        return endpoint is None or reach.lets_out_to(place, service)
    return reach.admitted(place, endpoint) if endpoint else not reach.isolated(place.subnets)


def _with_origin(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, context: Any) -> Any:
        name = key.lower()
        if name == _ENDPOINT:
            endpoint = _endpoint_for(context.principal_keys, context.action)
            return endpoint["VpcEndpointId"] if endpoint else None
        found = original(key, context)
        return "false" if found is None and name == _BY_SERVICE else found

    return resolve


def _with_place(original: Callable[..., Any]) -> Callable[..., Any]:
    def keys(credential: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(credential)
        place = _sessions.get(credential.access_key_id)
        return found | {PLACE: place} if place else found

    return keys


def _from_function_subnets(original: Callable[..., Any]) -> Callable[..., Any]:
    def credentials(config: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = original(config)
        place = config.get("VpcConfig") or {}
        place_session(
            found["AWS_ACCESS_KEY_ID"],
            Place(tuple(place.get("SubnetIds") or ()), tuple(place.get("SecurityGroupIds") or ())),
        )
        return found

    return credentials


def _through_endpoint(original: Callable[..., Any]) -> Callable[..., Any]:
    """What the role may do has to get to the endpoint and be allowed by its policy, too."""

    def enforce(  # noqa: PLR0917 (as MiniStack calls it)
        access_key: str, action: str, service: str, region: str,
        resource_arn: str = "*", service_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        denied = original(access_key, action, service, region, resource_arn, service_context)
        principal = iam_recorder.current_principal()
        if denied or getattr(principal, "policies", None) is None:
            return denied
        result = _decided(principal, action, resource_arn, region, service_context or {})
        if result.decision == "Allow":
            return None
        iam_recorder.record(principal.arn, action, resource_arn, result.decision, via="endpoint")
        result.principal_arn = principal.arn
        return result

    return enforce


def _decided(
    principal: Any, action: str, resource_arn: str, region: str, context: dict[str, Any]
) -> Any:  # fmt: skip
    from ministack.core import iam_evaluator as evaluator

    endpoint = _endpoint_for(principal.keys, action)
    if not _gets_there(principal.keys.get(PLACE), endpoint, action):
        return evaluator.EvalResult("ImplicitDeny", reason=UNREACHABLE)
    policy = endpoint and endpoint.get("PolicyDocument")
    if not policy:
        return evaluator.EvalResult("Allow")
    request = evaluator.EvalContext(
        principal_arn=principal.arn, principal_type=principal.type,
        principal_account=principal.account, action=action, resource_arn=resource_arn,
        region=region, principal_keys=principal.keys,
        service_context={k.lower(): v for k, v in context.items()},
    )  # fmt: skip
    return evaluator.evaluate_resource_policy(policy, request)


def _keep_subnets(config: dict[str, Any], props: dict[str, Any]) -> None:
    from ministack.services import lambda_svc

    config["VpcConfig"] = lambda_svc._vpc_config_with_id(props.get("VpcConfig"))


def attach(tables: Tables) -> None:
    """Keep functions' subnets, send the keys, and ask the endpoint's policy."""
    properties.keep(tables, _keep_subnets)
    replace(_EVALUATOR, "_resolve_condition_key", _with_origin)
    replace(_EVALUATOR, "_principal_keys", _with_place)
    replace(_EVALUATOR, "enforce", _through_endpoint)
    for runtime in _RUNTIMES:
        replace(runtime, "execution_credentials", _from_function_subnets)
