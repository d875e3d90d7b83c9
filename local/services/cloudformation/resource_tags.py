"""Tags that AWS refuses, refused when a resource is provisioned.

A key is 1 to 128 characters long, a value at most 256; letters, digits, spaces and ``_.:/=+-@``;
none begins with ``aws:``; a resource holds fifty. Types differ in one point: some take no empty
value. The tags of the stack itself reach its resources, a version in the model registry too, which
takes none: "add them to the Model Package Group" (https://github.com/aws/aws-cdk/issues/33699).

https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

MOST = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256
MODEL_PACKAGE = "AWS::SageMaker::ModelPackage"
# Minimum length of a value in the type's schema of CloudFormation's registry.
_NEVER_EMPTY = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::StepFunctions::StateMachine",
    }
)
_PROPERTIES = ("Tags", "BackupPlanTags", "BackupVaultTags", "ResourceTags", "UserPoolTags")
_BY_CLOUDFORMATION = "aws:cloudformation:"
_ALLOWED = re.compile(r"[\w .:/=+@-]*")
_STACKS = "ministack.services.cloudformation.stacks"

pin(
    _STACKS,
    _provision_resource="callable",
    _update_resource="callable",
    _with_stack_tags="callable",
)


def refusals(kind: str, properties: dict[str, Any]) -> list[str]:
    """What AWS would refuse of a resource's tags, each in words."""
    found = []
    for name in _PROPERTIES:
        pairs = list(_pairs(properties.get(name)))
        keys = [key for key, _ in pairs]
        found += [f"#/{name}/{key}: given twice" for key in sorted(set(keys)) if _many(keys, key)]
        if len(pairs) > MOST:
            found.append(f"#/{name}: {len(pairs)} tags; allowed: at most {MOST}")
        for key, value in pairs:
            found += [f"#/{name}/{key}: {why}" for why in _faults(kind, key, value)]
    return found


def _many(keys: list[str], key: str) -> bool:
    return keys.count(key) > 1


def _pairs(given: Any) -> Iterator[tuple[str, str]]:
    """Keys and values of the template's own tags, written as a list or as a map."""
    if isinstance(given, dict):
        pairs = [(str(key), str(value)) for key, value in given.items()]
    else:
        pairs = [(str(tag.get("Key", "")), str(tag.get("Value", ""))) for tag in given or []]
    return (pair for pair in pairs if not pair[0].startswith(_BY_CLOUDFORMATION))


def _faults(kind: str, key: str, value: str) -> Iterator[str]:
    if not 0 < len(key) <= LONGEST_KEY:
        yield f"a key of {len(key)} characters; allowed: 1 to {LONGEST_KEY}"
    if len(value) > LONGEST_VALUE or (not value and kind in _NEVER_EMPTY):
        least = int(kind in _NEVER_EMPTY)
        yield f"a value of {len(value)} characters; allowed: {least} to {LONGEST_VALUE}"
    for what, text in (("key", key), ("value", value)):
        if text.lower().startswith("aws:"):
            yield f"the {what} '{text}' begins with aws:, which is reserved"
        if not _ALLOWED.fullmatch(text):
            yield f"the {what} '{text}'; allowed: letters, digits, spaces and _.:/=+-@"


def _assert_taken(kind: str, logical_id: str, properties: dict[str, Any]) -> None:
    if found := refusals(kind, properties):
        raise ValueError(
            f"Properties validation failed for resource {logical_id} with message: "
            + "; ".join(found)
        )


def _provision(original: Callable[..., Any]) -> Callable[..., Any]:
    def provision(kind: str, logical_id: str, props: dict[str, Any], stack: str) -> Any:
        _assert_taken(kind, logical_id, props)
        return original(kind, logical_id, props, stack)

    return provision


def _update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(
        kind: str, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str,
        *rest: Any,
    ) -> Any:  # fmt: skip
        _assert_taken(kind, str(rest[0] if rest else physical_id), new)
        return original(kind, physical_id, old, new, stack, *rest)

    return update


def _with_package_tags(original: Callable[..., Any]) -> Callable[..., Any]:
    def with_stack_tags(
        kind: str, props: dict[str, Any], tags: list[dict[str, str]], *rest: Any
    ) -> Any:
        if kind == MODEL_PACKAGE and tags:
            handed_on = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in tags]
            return {**props, "Tags": [*props.get("Tags", []), *handed_on]}
        return original(kind, props, tags, *rest)

    return with_stack_tags


def attach(_tables: Tables) -> None:
    """Look at the tags of whatever is provisioned, and hand the stack's on to packages."""
    replace(_STACKS, "_with_stack_tags", _with_package_tags)
    replace(_STACKS, "_provision_resource", _provision)
    replace(_STACKS, "_update_resource", _update)
