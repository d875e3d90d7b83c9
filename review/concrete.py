"""Templates as CloudFormation would see them at deployment, for tools that read literal values.

``Fn::GetStackOutput`` is newer than the checkers, which take what they don't know for a missing
value. The outputs are known, so the reference is replaced by a text of the form that AWS would put
there (an ARN, an id); everything else stays as it is. For policies every reference is replaced.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from config import resource_types
from review.assembly import Assembly, Resource

ACCOUNT, REGION = "111122223333", "eu-west-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/name/0a1b2c3d-0000",
    "AWS::StackName": "name",
    "AWS::URLSuffix": "amazonaws.com",
}
_VARIABLE = re.compile(r"\$\{([^}!]+)\}")


def without_stack_outputs(assembly: Assembly, value: Any) -> Any:
    """The same value with every ``Fn::GetStackOutput`` as a literal."""
    if isinstance(value, list):
        return [without_stack_outputs(assembly, item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::GetStackOutput"}:
        return literal(assembly, "", value)
    return {key: without_stack_outputs(assembly, item) for key, item in value.items()}


def literal(assembly: Assembly, stack: str, value: Any) -> Any:
    """The same value with every reference as a literal."""
    if isinstance(value, list):
        return [literal(assembly, stack, item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _resolved(assembly, stack, function, argument)
    return {key: literal(assembly, stack, item) for key, item in value.items()}


def _resolved(assembly: Assembly, stack: str, function: str, argument: Any) -> str:
    match function:
        case "Ref":
            return _reference(assembly, stack, argument, "Ref")
        case "Fn::GetAtt":
            name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return _reference(assembly, stack, name, attribute)
        case "Fn::Join":
            delimiter, items = argument
            return str(delimiter).join(str(literal(assembly, stack, item)) for item in items)
        case "Fn::Sub":
            return _substituted(assembly, stack, argument)
        case "Fn::GetStackOutput":
            short = assembly.stack_names[argument["StackName"]]
            output = assembly.templates[short]["Outputs"][argument["OutputName"]]
            return str(literal(assembly, short, output["Value"]))
    # Parts of split texts: a name that only the deployment knows.
    return "part"


def _substituted(assembly: Assembly, stack: str, argument: Any) -> str:
    template, values = argument if isinstance(argument, list) else (argument, {})

    def variable(found: re.Match[str]) -> str:
        if found[1] in values:
            return str(literal(assembly, stack, values[found[1]]))
        name, _, attribute = found[1].partition(".")
        return _reference(assembly, stack, name, attribute or "Ref")

    return _VARIABLE.sub(variable, template)


def _reference(assembly: Assembly, stack: str, logical_id: str, attribute: str) -> str:
    if logical_id in _PSEUDO:
        return _PSEUDO[logical_id]
    resource = assembly.resource(stack, logical_id)
    kind = resource.type if resource else ""
    name = _name(assembly, stack, resource) or logical_id
    known = resource_types.of(kind)
    if attribute.endswith("Arn") or (attribute == "Ref" and known.ref == "arn"):
        return known.arn.format(region=REGION, account=ACCOUNT, id=name, lower=name.lower())
    if known.id_prefix:  # AWS makes the id up: no two resources have the same
        return f"{known.id_prefix}-{hashlib.sha256(logical_id.encode()).hexdigest()[:17]}"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def _name(assembly: Assembly, stack: str, resource: Resource | None) -> str | None:
    """The name that the template gives a log group: what it goes by decides who may write to it."""
    given = resource.properties.get("LogGroupName") if resource else None
    if given is None or resource is None or resource.type != "AWS::Logs::LogGroup":
        return None
    return str(literal(assembly, stack, given))
