"""Conditions of templates: their values are resolved before they are compared.

MiniStack compares ``Fn::Join`` and its like as they stand in the template, so that CDK's bootstrap
template takes an empty list of policies or of trusted accounts for one that holds something.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_PACKAGE = "ministack.services.cloudformation"
_EVALUATING = tuple(f"{_PACKAGE}.{name}" for name in ("engine", "changesets", "handlers", "stacks"))
_VALUES = ("Fn::FindInMap", "Fn::Join", "Fn::Split", "Fn::Sub")
# What the place of the stack answers; its name and id are not known where conditions are evaluated.
_PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")

pin(f"{_PACKAGE}.engine", _resolve_refs="callable")
for _module in _EVALUATING:
    pin(_module, _evaluate_conditions="callable")

Evaluate = Callable[[dict[str, Any], dict[str, Any]], dict[str, bool]]


def resolved(expression: Any, resolve: Callable[[Any], Any]) -> Any:
    """The condition with each value function and pseudo parameter replaced by its value."""
    if isinstance(expression, list):
        return [resolved(item, resolve) for item in expression]
    if not isinstance(expression, Mapping):
        return expression
    if expression.get("Ref") in _PSEUDO or any(name in expression for name in _VALUES):
        return resolve(expression)
    return {name: resolved(item, resolve) for name, item in expression.items()}


def _with_values(original: Evaluate) -> Evaluate:
    from ministack.services.cloudformation import engine

    def evaluate(template: dict[str, Any], params: dict[str, Any]) -> dict[str, bool]:
        mappings = template.get("Mappings", {})

        def resolve(value: Any) -> Any:
            return engine._resolve_refs(
                value, {}, params, {}, mappings, "AWS::StackName", "AWS::StackId"
            )

        conditions = resolved(template.get("Conditions", {}), resolve)
        return original({**template, "Conditions": conditions}, params)

    return evaluate


def attach(_tables: Tables) -> None:
    """Wrap the evaluation wherever it is called."""
    for module in _EVALUATING:
        replace(module, "_evaluate_conditions", _with_values)
