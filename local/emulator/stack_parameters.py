"""DescribeStacks tells an SSM-typed parameter's name from its value, as CloudFormation does.

MiniStack gives the resolved value as ``ParameterValue`` and no ``ResolvedValue``. Roll-outs compare
the pointers with the packages that the serving stack was last resolved to, which takes both.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator.extensions import Response, Tables
from local.emulator.private_tables import pin

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_HANDLERS = "ministack.services.cloudformation.handlers"

pin(_HANDLERS, _ACTION_HANDLERS=dict)

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


def attach(_tables: Tables) -> None:
    """Wrap the one action."""
    from ministack.services.cloudformation import handlers

    original = handlers._ACTION_HANDLERS["DescribeStacks"]

    def describe_stacks(params: dict[str, Any]) -> Response:
        status, headers, body = original(params)
        if status != 200:
            return status, headers, body
        content = body.encode("utf-8") if isinstance(body, str) else body
        return status, headers, with_resolved_values(content, _resolved)

    handlers._ACTION_HANDLERS["DescribeStacks"] = describe_stacks
