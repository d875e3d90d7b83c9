"""Sections of several kinds, told apart by the one setting that allows a single value in each.

Pydantic calls this a tagged union. A setting that allows one value means something there alone
(tests/contract/test_settings_kinds.py).
"""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator
from pydantic.fields import FieldInfo


def kinds_of(annotation: object) -> list[object]:
    """The kinds that a value may be of."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return [kind for part in get_args(annotation) for kind in kinds_of(part)]
    return [annotation]


def models_of(annotation: object) -> list[type[BaseModel]]:
    """The kinds that are sections."""
    kinds = kinds_of(annotation)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def single_values(model: type[BaseModel]) -> dict[str, Any]:
    """Settings of a section that allow one value, with it."""
    return {
        name: get_args(field.annotation)[0]
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
    }


def told_apart(field: FieldInfo | None) -> tuple[str, dict[str, type[BaseModel]]] | None:
    """The setting that tells the kinds of a section apart, and the kinds by its value."""
    if field is None or not any(isinstance(one, Discriminator) for one in field.metadata):
        return None
    by_value: dict[str, type[BaseModel]] = {}
    for model in models_of(field.annotation):
        ((key, value),) = single_values(model).items()
        by_value[value] = model
    return key, by_value
