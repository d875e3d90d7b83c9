"""What a service does with a role it was handed, decided by that role's deployed policies.

MiniStack evaluates requests; what its Firehose, Step Functions or EventBridge do inside the
process is never checked against the role they were configured with. Two ways close that gap:

* ``credentials_for`` mints a session of the role, for work that can be an ordinary signed request
  (Step Functions integrations, Glue and SageMaker jobs): the request itself is then enforced.
* ``assert_allowed`` evaluates the role's policies, its boundary and the resource's own policy for
  a call that is served in process.

Both refuse a role that the service may not assume: see ``role_trust``.
"""

from __future__ import annotations

import contextvars
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from local.emulator import iam_recorder
from local.emulator.extensions import Tables
from local.emulator.private_tables import replace
from local.emulator.role_trust import AccessDeniedError as AccessDeniedError  # noqa: PLC0414
from local.emulator.role_trust import assert_trusted, role_name

SESSION_SECONDS = 12 * 3600

_role_in_use: contextvars.ContextVar[str] = contextvars.ContextVar("service_role", default="")
_attached: list[Tables] = []


def assumed_role_arn(role_arn: str, session_name: str) -> str:
    """The STS ARN under which a session of the role appears in policies and in the record."""
    account = role_arn.split(":")[4]
    return f"arn:aws:sts::{account}:assumed-role/{role_name(role_arn)}/{session_name}"


def credentials_for(role_arn: str, session_name: str, service: str) -> dict[str, str]:
    """A fresh session of the role, as environment variables of the AWS SDKs.

    ``service`` is the service principal the role has to trust. Valid for twelve hours.
    """
    from ministack.services import sts

    assert_trusted(role_arn, service)
    key = "ASIA" + secrets.token_hex(8).upper()
    secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(64)
    sts.register_session(
        key,
        {
            "Arn": assumed_role_arn(role_arn, session_name[:64]),
            "UserId": f"{role_name(role_arn)}:{session_name[:64]}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + SESSION_SECONDS,
        },
    )
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
    }


def allowed(
    role_arn: str,
    action: str,
    resource: str = "*",
    context: Mapping[str, Any] | None = None,
    *,
    service: str,
) -> bool:
    """Whether the role's policies, boundary and the resource's policy allow the call; recorded."""
    return bool(_decide(role_arn, action, resource, context, service).decision == "Allow")


def assert_allowed(
    role_arn: str,
    action: str,
    resource: str = "*",
    context: Mapping[str, Any] | None = None,
    *,
    service: str,
) -> None:
    """Raise ``AccessDeniedError`` unless ``allowed``.

    ``service`` is the service principal acting with the role (``states.amazonaws.com``); it has
    to be trusted by the role. ``context`` holds condition keys (``iam:PassedToService``…).
    """
    assert_trusted(role_arn, service)
    result = _decide(role_arn, action, resource, context, service)
    if result.decision != "Allow":
        reason = (
            "of an explicit deny" if result.decision == "Deny" else "no policy allows the action"
        )
        raise AccessDeniedError(result.principal_arn, action, resource, reason)


def evaluated(
    role_arn: str, action: str, resource: str, context: Mapping[str, Any] | None, service: str
) -> Any:
    """What the role's policies, boundary and the resource's policy say of a call; not recorded."""
    from ministack.core import iam_evaluator as evaluator
    from ministack.core.responses import get_region
    from ministack.services import iam

    account, name = role_arn.split(":")[4], role_name(role_arn)
    session = assumed_role_arn(role_arn, service.split(".", maxsplit=1)[0])
    keys = {key.lower(): value for key, value in (context or {}).items()}
    request = evaluator.EvalContext(
        principal_arn=session, principal_type="AssumedRole", principal_account=account,
        action=action, resource_arn=resource, region=get_region(), source_ip="127.0.0.1",
        secure_transport=True, service_context={"aws:tagkeys": None} | keys,
        principal_keys={"aws:principalarn": role_arn, "aws:principalaccount": account},
    )  # fmt: skip
    limits = evaluator._permissions_boundary(iam._roles, name, account)
    policies = evaluator._gather_role_policies(name, account)
    result = evaluator.evaluate(request, policies, *limits)
    namespace = action.split(":", maxsplit=1)[0]
    found = evaluator._resource_policy(namespace, resource)
    if found is not None:
        result = evaluator.combine_resource_policy(
            result, request, *found,
            required=namespace in evaluator._POLICY_REQUIRED, limits=limits,
        )  # fmt: skip
    result.principal_arn = session
    return result


def _decide(
    role_arn: str,
    action: str,
    resource: str,
    context: Mapping[str, Any] | None,
    service: str,
) -> Any:
    result = evaluated(role_arn, action, resource, context, service)
    keys = {key.lower(): value for key, value in (context or {}).items()}
    iam_recorder.record(
        result.principal_arn, action, resource, result.decision, via=service,
        statement=result.matched_sid,
        key_through=str(keys.get(iam_recorder.VIA_SERVICE, "")),
    )  # fmt: skip
    return result


def assert_caller_may_pass(role_arn: str, service: str) -> None:
    """Raise unless the principal of the request being served may ``iam:PassRole`` this role."""
    assert_caller_may("iam:PassRole", role_arn, {"iam:passedtoservice": service})


def assert_caller_may(action: str, resource: str, context: Mapping[str, Any] | None = None) -> None:
    """Raise unless the principal of the request being served may do what the request leads to.

    A root principal, and a call without a request (a CloudFormation provisioner), may.
    """
    from ministack.core import iam_evaluator as evaluator

    principal = iam_recorder.current_principal()
    if principal is None or getattr(principal, "policies", None) is None:
        return
    request = evaluator.EvalContext(
        principal_arn=principal.arn, principal_type=principal.type,
        principal_account=principal.account, action=action, resource_arn=resource,
        region="", secure_transport=True,
        service_context=dict(context or {}), principal_keys=principal.keys,
    )  # fmt: skip
    result = evaluator.evaluate(request, principal.policies, *principal.limits)
    iam_recorder.record(
        principal.arn, action, resource, result.decision, via="request",
        statement=result.matched_sid,
    )  # fmt: skip
    if result.decision != "Allow":
        raise AccessDeniedError(principal.arn, action, resource, "no policy allows the action")


def execution_role() -> str:
    """The role ARN of the state machine whose task runs on this thread, or an empty string."""
    return _role_in_use.get()


def task_error(code: str, cause: str) -> Exception:
    """The exception that fails a Step Functions task with this error code and cause."""
    from ministack.services import stepfunctions

    error: Exception = stepfunctions._ExecutionError(code, cause)
    return error


def client_environment(credentials: Mapping[str, str]) -> dict[str, str]:
    """Environment with which a child process calls the emulator as these credentials."""
    import os

    tables = _attached[0]
    trust = {
        name: os.environ[name]
        for name in (
            "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"
        )
        if name in os.environ
    }  # fmt: skip
    return {
        "AWS_ENDPOINT_URL": tables.endpoint,
        "AWS_REGION": tables.region,
        "AWS_DEFAULT_REGION": tables.region,
        **trust,
        **credentials,
    }


_clients: dict[tuple[str, str], Any] = {}
_making = threading.Lock()


@cache
def _models() -> Any:
    """One session for all clients: reading service models takes longer than most calls."""
    import botocore.session

    return botocore.session.Session()


def client_of(credentials: Mapping[str, str], aws_service: str, config: Any = None) -> Any:
    """A client of the emulator that signs with these credentials (the SDKs' variables)."""
    tables = _attached[0]
    # Sessions may not be shared by threads while they make a client.
    with _making:
        return _models().create_client(
            aws_service,
            region_name=tables.region,
            endpoint_url=tables.endpoint,
            config=config,
            **{name.lower(): value for name, value in credentials.items()},
        )


def client_as(role_arn: str, aws_service: str, service: str) -> Any:
    """A client of ``aws_service`` whose requests are signed and enforced as the role.

    Kept per role and service; the thread that calls it must not be the event loop's.
    """
    key = (role_arn, aws_service)
    if key not in _clients:
        session = hashlib.sha256(role_arn.encode()).hexdigest()[:8]
        keys = credentials_for(role_arn, f"{service.split('.', maxsplit=1)[0]}-{session}", service)
        _clients[key] = client_of(keys, aws_service)
    return _clients[key]


def _with_execution_role(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        from ministack.services import stepfunctions

        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        token = _role_in_use.set(machine.get("roleArn", ""))
        try:
            return original(state, raw_input, execution, context)
        finally:
            _role_in_use.reset(token)

    return execute_task


def _checked_lambda(original: Callable[..., Any]) -> Callable[..., Any]:
    def call_lambda(function: str, event: Any) -> Any:
        from ministack.services import lambda_svc

        role = execution_role()
        if role:
            _, config, name = lambda_svc._get_func_record_for_ref(function)
            arn = (config or {}).get("FunctionArn", name)
            try:
                assert_allowed(role, "lambda:InvokeFunction", arn, service="states.amazonaws.com")
            except AccessDeniedError as error:
                raise task_error("Lambda.AccessDeniedException", str(error)) from error
        return original(function, event)

    return call_lambda


def attach(tables: Tables) -> None:
    """Make the state machine's role known to its tasks, and check its Lambda invocations."""
    _attached[:] = [tables]
    replace("ministack.services.stepfunctions", "_execute_task", _with_execution_role)
    replace("ministack.services.stepfunctions", "_call_lambda", _checked_lambda)
