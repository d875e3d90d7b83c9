"""SSM-typed parameters of stacks: who has to be allowed to read them, and how they are described.

MiniStack reads them with its own rights and gives the resolved value as ``ParameterValue`` without
a ``ResolvedValue``. Roll-outs compare the pointers with the packages that the serving stack was
last resolved to, which takes both.

Each parameter is read anew at every update, CDK's ``BootstrapVersion`` among them, with
``ssm:GetParameters`` of the stack's service role, or of the caller where there is none. Which of
the two AWS asks when both are there is not documented. A change set made with CDK's default roles
reads parameters that its caller may not, so the role suffices there
(``aws-cdk/lib/api/bootstrap/bootstrap-template.yaml``); UpdateStack has to pass with either.
https://github.com/aws/aws-cdk/issues/20959
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.emulator import service_roles
from local.emulator.extensions import Response, Tables
from local.emulator.private_tables import pin, replace
from local.services.cloudformation import stack_roles

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_HANDLERS = "ministack.services.cloudformation.handlers"

_READ = "ssm:GetParameters"
_RESOLVING = (_HANDLERS, "ministack.services.cloudformation.changesets")

pin(_HANDLERS, _ACTION_HANDLERS=dict)
for _module in _RESOLVING:
    pin(_module, _resolve_parameters="callable")

# parameter key -> what the engine keeps: ``Value`` and, for SSM types, ``SsmName``
Resolved = Mapping[str, Mapping[str, Any]]


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def with_resolved_values(body: bytes, resolved: Callable[[str], Resolved]) -> bytes:
    """Rewrite the answer of DescribeStacks; ``resolved`` gives a stack's parameters by its id."""
    ET.register_namespace("", NAMESPACE)
    # The document is the emulator's own answer.
    root = ET.fromstring(body)  # noqa: S314
    for stack in root.iterfind(f".//{_tag('Stacks')}/{_tag('member')}"):
        kept = resolved(stack.findtext(_tag("StackId"), ""))
        for member in stack.iterfind(f"{_tag('Parameters')}/{_tag('member')}"):
            parameter = kept.get(member.findtext(_tag("ParameterKey"), ""), {})
            value = member.find(_tag("ParameterValue"))
            if value is None or "SsmName" not in parameter:
                continue
            value.text = str(parameter["SsmName"])
            ET.SubElement(member, _tag("ResolvedValue")).text = str(parameter["Value"])
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _resolved(stack_id: str) -> Resolved:
    from ministack.services.cloudformation import _stacks

    for stack in _stacks.values():
        if stack.get("StackId") == stack_id:
            return dict(stack.get("_resolved_params") or {})
    return {}


def _readable(names: list[str]) -> None:
    """Raise ``ValueError``, CloudFormation's refusal, unless each parameter may be read."""
    action, stack = stack_roles.request()
    role = stack_roles.role_of(stack)
    try:
        for name in names:
            arn = f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{name.lstrip('/')}"
            if role:
                service_roles.assert_allowed(role, _READ, arn, service=stack_roles.SERVICE)
            if not role or action == "UpdateStack":
                service_roles.assert_caller_may(_READ, arn)
    except service_roles.AccessDeniedError as error:
        raise ValueError(
            f"AccessDenied. User doesn't have permission to call {_READ}: {error}"
        ) from error


def _authorised(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(*arguments: Any) -> Any:
        resolved = original(*arguments)
        _readable([p["SsmName"] for p in resolved.values() if "SsmName" in p])
        return resolved

    return resolve


def attach(_tables: Tables) -> None:
    """Wrap the description of stacks and the reading of their parameters."""
    from ministack.services.cloudformation import handlers

    for module in _RESOLVING:
        replace(module, "_resolve_parameters", _authorised)

    original = handlers._ACTION_HANDLERS["DescribeStacks"]

    def describe_stacks(params: dict[str, Any]) -> Response:
        status, headers, body = original(params)
        if status != 200:
            return status, headers, body
        content = body.encode("utf-8") if isinstance(body, str) else body
        return status, headers, with_resolved_values(content, _resolved)

    handlers._ACTION_HANDLERS["DescribeStacks"] = describe_stacks
