"""Template values as text: what a reference means, instead of how CloudFormation writes it.

A reference becomes the construct's name in angle brackets, also across stacks, where the templates
hold only the name of an output: ``<data-lake/Artifacts/Bucket>/models/*``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from review.assembly import Assembly

PSEUDO = {
    "AWS::AccountId": "<account>",
    "AWS::Partition": "aws",
    "AWS::Region": "<region>",
    "AWS::StackId": "<stack id>",
    "AWS::StackName": "<stack>",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": "",
}
# Attributes that stand for the resource itself; any other is named.
_SAME = frozenset({"Arn", "BackupVaultArn", "GroupId", "PolicyArn", "Ref", "TopicArn"})
_VARIABLE = re.compile(r"\$\{([^}!]+)\}")
# Assets are named by the hash of what they hold, which changes with every line of code.
_ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")


def text(assembly: Assembly, stack: str, value: Any) -> str:
    """One line for any template value of ``stack``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        resolved = _intrinsic(assembly, stack, function, argument)
        if resolved is not None:
            return resolved
    if isinstance(value, dict | list):
        return json.dumps(plain(assembly, stack, value), sort_keys=True, separators=(",", ":"))
    return masked(str(value))


def masked(value: str) -> str:
    """The text without hashes of assets."""
    return _ASSET_HASH.sub("<asset>", value)


def plain(assembly: Assembly, stack: str, value: Any) -> Any:
    """The same structure with every reference as text."""
    if isinstance(value, list):
        return [plain(assembly, stack, item) for item in value]
    if isinstance(value, str):
        return masked(value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        resolved = _intrinsic(assembly, stack, function, argument)
        if resolved is not None:
            return resolved
    return {key: plain(assembly, stack, item) for key, item in value.items()}


def _intrinsic(assembly: Assembly, stack: str, function: str, argument: Any) -> str | None:
    """The text of an intrinsic function; None for what is no function at all."""
    known = _FUNCTIONS.get(function)
    if known:
        return known(assembly, stack, argument)
    if function.startswith("Fn::"):
        inner = json.dumps(plain(assembly, stack, argument), separators=(",", ":"))
        return f"{function.removeprefix('Fn::')}({inner})"
    return None


def _ref(assembly: Assembly, stack: str, argument: Any) -> str:
    return _reference(assembly, stack, argument, "Ref")


def _attribute(assembly: Assembly, stack: str, argument: Any) -> str:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    return _reference(assembly, stack, parts[0], str(parts[1]))


def _join(assembly: Assembly, stack: str, argument: Any) -> str:
    delimiter, items = argument
    if not isinstance(items, list):
        return text(assembly, stack, items)
    return masked(str(delimiter).join(text(assembly, stack, item) for item in items))


def _imported(assembly: Assembly, stack: str, argument: Any) -> str:
    return f"<{text(assembly, stack, argument)}>"


def _select(assembly: Assembly, stack: str, argument: list[Any]) -> str:
    """A part of a split text is named, for what it holds is known only when deployed."""
    index, source = argument
    if isinstance(source, list) and str(index).isdigit():
        return text(assembly, stack, source[int(index)])
    split = source.get("Fn::Split") if isinstance(source, dict) else None
    whole = text(assembly, stack, split[1] if split else source)
    return f"<part {index} of {whole.strip('<>')}>"


def _reference(assembly: Assembly, stack: str, logical_id: str, attribute: str) -> str:
    if logical_id in PSEUDO:
        return PSEUDO[logical_id]
    name = assembly.name(stack, logical_id)
    return f"<{name}>" if attribute in _SAME else f"<{name}.{attribute}>"


def _substitute(assembly: Assembly, stack: str, argument: Any) -> str:
    template, values = argument if isinstance(argument, list) else (argument, {})

    def variable(found: re.Match[str]) -> str:
        name = found[1]
        if name in values:
            return text(assembly, stack, values[name])
        logical_id, _, attribute = name.partition(".")
        return _reference(assembly, stack, logical_id, attribute or "Ref")

    return masked(_VARIABLE.sub(variable, template))


def _output(assembly: Assembly, stack: str, argument: Any) -> str:  # noqa: ARG001
    short = assembly.stack_names.get(str(argument["StackName"]))
    outputs = assembly.templates.get(short or "", {}).get("Outputs", {})
    output = outputs.get(argument["OutputName"])
    if short is None or output is None:
        return f"<{argument['StackName']}.{argument['OutputName']}>"
    return text(assembly, short, output["Value"])


_FUNCTIONS: dict[str, Callable[[Assembly, str, Any], str]] = {
    "Ref": _ref,
    "Fn::GetAtt": _attribute,
    "Fn::GetStackOutput": _output,
    "Fn::ImportValue": _imported,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Sub": _substitute,
}
