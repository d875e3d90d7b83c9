"""What CloudFormation finds in a template before there is a stack, and MiniStack does not.

A reference to what is not there, a circle of references, a template that is too large: AWS answers
the request itself with an error, so nothing is left behind that has to be rolled back.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.cloudformation.engine"
pin(_MODULE, _validate_template_limits="callable")

TEMPLATE_BYTES = 1024 * 1024
_SUBSTITUTED = re.compile(r"\$\{([^!][^}]*)\}")
Template = dict[str, Any]


def refusal(template: Template) -> str:
    """Why CloudFormation refuses the template; empty if it does not.

    A template with a transform is exempt: a macro may bring what is missing.
    """
    if len(json.dumps(template, separators=(",", ":"), default=str).encode()) > TEMPLATE_BYTES:
        return f"Template may not exceed {TEMPLATE_BYTES} bytes in size."
    if template.get("Transform"):
        return ""
    resources = template.get("Resources") or {}
    known = set(resources) | set(template.get("Parameters") or {})
    for section in ("Resources", "Outputs"):
        named = set(_named(template.get(section) or {}))
        missing = sorted(name for name in named - known if not name.startswith("AWS::"))
        if missing:
            return (
                f"Template format error: Unresolved resource dependencies {missing} in the "
                f"{section} block of the template"
            )
    return _circle(resources)


def _named(value: Any) -> Iterator[str]:
    """Logical ids that a value refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref" and isinstance(item, str):
            yield item
        elif key == "Fn::GetAtt":
            yield item.split(".")[0] if isinstance(item, str) else str(item[0])
        elif key == "Fn::Sub":
            yield from _substituted(item)
        else:
            yield from _named(item)


def _substituted(value: Any) -> Iterator[str]:
    text, variables = (value, {}) if isinstance(value, str) else value
    for name in _SUBSTITUTED.findall(text):
        if name not in variables:
            yield name.split(".")[0]
    yield from _named(variables)


def _circle(resources: dict[str, Any]) -> str:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, resource in resources.items():
        waits = resource.get("DependsOn", [])
        found = {*([waits] if isinstance(waits, str) else waits), *_named(resource)}
        sorter.add(name, *(found & set(resources)))
    try:
        sorter.prepare()
    except CycleError as error:
        return f"Circular dependency between resources: {sorted(set(error.args[1]))}"
    return ""


def _checked(original: Callable[[Template], None]) -> Callable[[Template], None]:
    def validate_template_limits(template: Template) -> None:
        original(template)
        if reason := refusal(template):
            raise ValueError(reason)

    return validate_template_limits


def attach(_tables: Tables) -> None:
    """Look at templates where MiniStack counts their members."""
    replace(_MODULE, "_validate_template_limits", _checked)
