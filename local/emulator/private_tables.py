"""The private names of MiniStack we rely on, each with what it must be.

``verify`` runs before anything is attached: a MiniStack upgrade that moves or renames one of
them stops the emulator with the name, instead of leaving a service silently unenforced.
"""

from __future__ import annotations

import contextvars
import importlib
import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import MissingTableError, ResourceType, Service, Tables

MINISTACK_VERSION = "1.5.33"

# module -> {private name: kind}
PINNED: dict[str, dict[str, type | str]] = {
    "ministack.app": {
        "SERVICE_HANDLERS": dict,
        "detect_service": "callable",
        "app": "callable",
        "call_service_handler_sync": "callable",
        "_execute_api_authorization_type": "callable",
    },
    "ministack.core.router": {"SERVICE_PATTERNS": dict, "detect_service": "callable"},
    "ministack.core.iam_actions": {
        "SERVICE_TO_IAM_NAMESPACE": dict,
        "_BOTOCORE_SERVICE_MAP": dict,
        "extract_iam_action": "callable",
        "extract_resource_arn": "callable",
    },
    "ministack.core.iam_evaluator": {
        "enforce": "callable",
        "evaluate": "callable",
        "evaluate_resource_policy": "callable",
        "evaluate_trust_policy": "callable",
        "combine_resource_policy": "callable",
        "resolve_principal": "callable",
        "parse_policy_document": "callable",
        "_gather_role_policies": "callable",
        "_permissions_boundary": "callable",
        "_resource_policy": "callable",
        "_POLICY_REQUIRED": frozenset,
        "EvalContext": type,
        "EvalResult": type,
        "AuthError": type,
    },
    "ministack.core.responses": {
        "request_scope": "callable",
        "get_account_id": "callable",
        "get_region": "callable",
    },
    "ministack.core.lambda_runtime": {"Worker": type, "kill_workers": "callable", "_workers": dict},
    "ministack.services.sts": {"register_session": "callable", "_sessions": dict},
    "ministack.services.iam": {"_roles": "scoped", "_policies": "scoped"},
    "ministack.services.cloudformation": {"_stacks": "scoped"},
    "ministack.services.cloudformation.provisioners": {
        "_RESOURCE_HANDLERS": dict,
        "_REPLACING_PROPERTIES": dict,
        "_CUSTOM_NAME_REPLACEMENT": dict,
        "_provision_resource": "callable",
    },
    "ministack.services.cloudformation.stacks": {"_runs_on_worker_thread": "callable"},
    "ministack.services.stepfunctions": {
        "_SERVICE_DISPATCH": dict,
        "_ExecutionError": type,
        "_execute_task": "callable",
        "_call_lambda": "callable",
        "_executions": "scoped",
        "_state_machines": "scoped",
    },
}

_further_arns: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar(
    "further_arns", default=()
)


def _is_kind(value: Any, kind: type | str) -> bool:
    if kind == "callable":
        return callable(value)
    if kind == "scoped":
        return hasattr(value, "get_scoped") and hasattr(value, "to_dict")
    assert isinstance(kind, type)
    return isinstance(value, kind)


def problems() -> list[str]:
    """Every pinned name that is missing or of another kind, as ``module.name: what``."""
    found = []
    for module_name, names in PINNED.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            found.append(f"{module_name}: {error}")
            continue
        for name, kind in names.items():
            if not hasattr(module, name):
                found.append(f"{module_name}.{name}: missing")
            elif not _is_kind(getattr(module, name), kind):
                found.append(f"{module_name}.{name}: is {type(getattr(module, name)).__name__}")
    return found


def verify() -> None:
    """Raise ``MissingTableError`` naming every pinned name that moved."""
    found = problems()
    if found:
        raise MissingTableError(
            f"MiniStack differs from {MINISTACK_VERSION} where we attach: " + "; ".join(found)
        )


def replace(module_name: str, name: str, wrap: Callable[[Callable[..., Any]], Any]) -> None:
    """Replace a pinned module function by ``wrap(original)``."""
    if name not in PINNED.get(module_name, {}):
        raise MissingTableError(f"{module_name}.{name} is wrapped but not listed in PINNED")
    module = importlib.import_module(module_name)
    setattr(module, name, wrap(getattr(module, name)))


def pin(module_name: str, **names: type | str) -> None:
    """Add an extension's own private names to the contract (at import of that extension)."""
    PINNED.setdefault(module_name, {}).update(names)


def register_service(service: Service) -> None:
    """Name the service's IAM actions; its routing and resources are read from ``Tables``."""
    from ministack.core import iam_actions

    iam_actions.SERVICE_TO_IAM_NAMESPACE[service.name] = service.iam_namespace
    if service.botocore_name:
        iam_actions._BOTOCORE_SERVICE_MAP[service.name] = [service.botocore_name]


def register_replacement(resource: ResourceType) -> None:
    """Tell CloudFormation's update which changed properties replace the resource."""
    from ministack.services.cloudformation import provisioners

    provisioners._REPLACING_PROPERTIES[resource.name] = tuple(sorted(resource.create_only))
    if resource.name_property:
        provisioners._CUSTOM_NAME_REPLACEMENT[resource.name] = {"name": resource.name_property}
    else:
        provisioners._CUSTOM_NAME_REPLACEMENT.pop(resource.name, None)


def _claims(service: Service, path: str, headers: dict[str, str]) -> bool:
    target = headers.get("x-amz-target", "")
    if target:
        return target.startswith(service.target_prefixes) if service.target_prefixes else False
    scope = headers.get("authorization", "").partition("Credential=")[2].split("/")
    if len(scope) < 4 or scope[3] not in service.signing_names:
        return False
    return not service.path_prefixes or path.startswith(service.path_prefixes)


# Services whose requests may list resources by name, each of which AWS decides on its own.
_LISTED = {
    "ssm": ("Names", "ssm", "parameter/"),
    "monitoring": ("AlarmNames", "cloudwatch", "alarm:"),
}


def _listed_arns(service: str, body: bytes, region: str, account: str) -> list[str]:
    """ARNs of the resources that a JSON request lists by name; ``*`` if it lists none."""
    member, namespace, kind = _LISTED[service]
    try:
        names = json.loads(body or b"{}").get(member) or []
    except (ValueError, AttributeError):
        names = []
    base = f"arn:aws:{namespace}:{region}:{account}:{kind}"
    return [base + str(name).lstrip("/") for name in names] or ["*"]


def _log_stream_arn(group: str, body: bytes) -> str:
    """CloudWatch Logs decides on a stream's ARN, with an empty name where a call names the group.

    So a policy needs ``:*`` behind the group. https://github.com/widdix/aws-cf-templates/pull/308
    """
    try:
        stream = json.loads(body or b"{}").get("logStreamName", "")
    except (ValueError, AttributeError):
        stream = ""
    return f"{group.removesuffix(':*')}:log-stream:{stream}"


def install_hooks(tables: Tables) -> None:
    """Route, authorise and provision what extensions add. Called once, before ``attach_all``."""

    from local.services.glue import catalog

    def detect(original: Callable[..., str]) -> Callable[..., str]:
        def detect_service(
            method: str, path: str, headers: dict[str, str], query: dict[str, list[str]]
        ) -> str:
            for service in tables.services.values():
                if _claims(service, path, headers):
                    return service.name
            return original(method, path, headers, query)

        return detect_service

    def resource_arn(original: Callable[..., str]) -> Callable[..., str]:
        def extract(  # noqa: PLR0917 (as MiniStack calls it)
            service: str, method: str, path: str, headers: dict[str, str], body: bytes,
            query: dict[str, list[str]], region: str, account: str,
        ) -> str:  # fmt: skip
            added = tables.services.get(service)
            if added is None or added.resource_arns is None:
                _further_arns.set(())
                arn = original(service, method, path, headers, body, query, region, account)
                if service == "logs" and ":log-group:" in arn:
                    return _log_stream_arn(arn, body)
                if service == "glue":
                    arn, *further = catalog.of_request(headers, body, region, account) or [arn]
                    _further_arns.set(tuple(further))
                if service in _LISTED and arn == "*":
                    arn, *further = _listed_arns(service, body, region, account)
                    _further_arns.set(tuple(further))
                return arn
            arns = added.resource_arns(method, path, headers, body, query) or ["*"]
            _further_arns.set(tuple(arns[1:]))
            return arns[0]

        return extract

    def enforce_all(original: Callable[..., Any]) -> Callable[..., Any]:
        def enforce(  # noqa: PLR0917 (as MiniStack calls it)
            access_key: str, action: str, service: str, region: str,
            resource_arn: str = "*", service_context: dict[str, Any] | None = None,
        ) -> Any:  # fmt: skip
            further, _ = _further_arns.get(), _further_arns.set(())
            for arn in (resource_arn, *further):
                denied = original(access_key, action, service, region, arn, service_context)
                if denied:
                    return denied
            return None

        return enforce

    def worker_thread(original: Callable[[str], bool]) -> Callable[[str], bool]:
        return lambda kind: kind in tables.blocking_types or original(kind)

    replace("ministack.app", "detect_service", detect)
    replace("ministack.core.router", "detect_service", detect)
    replace("ministack.core.iam_actions", "extract_resource_arn", resource_arn)
    replace("ministack.core.iam_evaluator", "enforce", enforce_all)
    replace("ministack.services.cloudformation.stacks", "_runs_on_worker_thread", worker_thread)
