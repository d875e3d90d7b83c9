"""Every error that pydantic can raise for our files is told in our words: what may stand there."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from config import forms
from config.contract_properties import FieldProperties, RecordProperties, UnknownTask
from config.kinds import models_of, single_values
from config.settings import Settings
from config.wording import WORDED, findings
from model_code import tasks
from tests.support.copies import ConfigurationCopy

MODELS: tuple[type[BaseModel], ...] = (
    Settings, OpenDataContractStandard, FieldProperties, RecordProperties, UnknownTask,
    *(tasks.part(task, "contract").Properties for task in tasks.TASKS),
)  # fmt: skip
# What a node of pydantic's compiled schema can raise, and what its members add.
RAISED = {
    "any": (),
    "bool": ("bool_type", "bool_parsing"),
    "dict": ("dict_type",),
    "float": ("float_type", "float_parsing", "finite_number"),
    "function-after": ("value_error",),
    "int": ("int_type", "int_parsing", "int_parsing_size", "int_from_float", "finite_number"),
    "list": ("list_type",),
    "literal": ("literal_error",),
    "model": ("model_type",),
    "model-fields": ("missing", "invalid_key"),
    "str": ("string_type", "string_unicode"),
    # Not "union_tag_not_found": whoever tells the kinds apart always names one.
    "tagged-union": ("union_tag_invalid",),
    "tuple": ("tuple_type",),
}
# Raised by pydantic's own function for paths, as no node's.
OF_PATHS = "path_type"
BY_MEMBER = {
    "gt": "greater_than",
    "ge": "greater_than_equal",
    "lt": "less_than",
    "le": "less_than_equal",
    "pattern": "string_pattern_mismatch",
}
# These raise nothing of their own: what is inside them does.
WRAPPERS = frozenset({
    "default", "definition-ref", "definitions", "function-before", "model-field", "nullable",
    "union",
})  # fmt: skip
# How pydantic itself begins and goes on.
ITS_OWN = ("Input ", "should ", "a valid ", "required", "Value error", "Extra", "unable", "String ")


def _nodes(schema: Any, seen: set[int]) -> Iterator[dict[str, Any]]:
    if id(schema) in seen:
        return
    seen.add(id(schema))
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
            if schema["type"] == "lax-or-strict":
                return
        for inner in schema.values():
            yield from _nodes(inner, seen)
    elif isinstance(schema, (list, tuple)):
        for inner in schema:
            yield from _nodes(inner, seen)


def _errors(node: dict[str, Any]) -> Iterator[str]:
    kind = node["type"]
    if kind == "lax-or-strict":
        yield OF_PATHS
        return
    if kind == "no-info" or kind in WRAPPERS:
        return
    yield from RAISED[kind]
    yield from (error for member, error in BY_MEMBER.items() if member in node)
    if kind == "model-fields" and node.get("extras_schema") is None:
        yield "extra_forbidden"
    for member, text, items in (
        ("max_length", "string_too_long", "too_long"),
        ("min_length", "string_too_short", "too_short"),
    ):
        if member in node:
            yield text if kind == "str" else items


@pytest.mark.parametrize("model", MODELS)
def test_every_error_that_a_model_can_raise_has_words(model: type[BaseModel]) -> None:
    raised = {
        error for node in _nodes(model.__pydantic_core_schema__, set()) for error in _errors(node)
    }
    assert raised
    assert raised <= {*get_args(ErrorType), OF_PATHS}
    assert sorted(raised - WORDED) == []


def test_every_form_of_a_text_has_words() -> None:
    patterns = {
        node["pattern"]
        for node in _nodes(Settings.__pydantic_core_schema__, set())
        if "pattern" in node
    }
    assert patterns == set(forms.known())


# One value for each error that a settings file can raise, and what is told about it.
RAISING: tuple[tuple[str, str, object, str], ...] = (
    ("bool_type", "serving.vpc", [], "allowed: true or false"),
    ("bool_parsing", "serving.vpc", "maybe", "allowed: true or false"),
    ("int_type", "training.algorithm.seed", [], "allowed: a whole number"),
    ("int_parsing", "training.algorithm.seed", "x", "allowed: a whole number"),
    ("int_parsing_size", "training.algorithm.seed", "1" * 5000, "allowed: a whole number"),
    ("int_from_float", "training.algorithm.seed", 1.5, "allowed: a whole number"),
    ("finite_number", "training.algorithm.seed", float("inf"),
     "allowed: a finite decimal number, or text in quotes"),
    ("float_type", "serving.experiment_weight", {}, "allowed: a number"),
    ("float_parsing", "serving.experiment_weight", "x", "allowed: a number"),
    ("finite_number", "serving.champion", {"weight": float("inf")},
     "allowed: a finite decimal number, or text in quotes"),
    ("greater_than", "training.algorithm.learning_rate", 0, "allowed: above 0 and at most 1"),
    ("greater_than", "api.burst", 0, "allowed: above 0 and at most 100000"),
    ("greater_than_equal", "ingestion.buffer_seconds", 0, "allowed: 1 to 900"),
    ("greater_than_equal", "training.cooldown_minutes", -1, "allowed: 0 to 525600"),
    ("less_than", "training.holdout_share", 0.5, "allowed: above 0 and below 0.5"),
    ("less_than_equal", "ingestion.buffer_seconds", 901, "allowed: 1 to 900"),
    ("string_type", "network.cidr", 10, "allowed: text, in quotes where YAML would read a number, "
     "a date or true"),
    ("string_type", "instance", True, "allowed: text, in quotes where YAML "
     "would read a number, a date or true"),
    ("string_unicode", "instance", b"\xff", "allowed: no tag, here tag:yaml.org,2002:binary"),
    ("string_too_long", "owner.team", "x" * 257, "allowed: at most 256 characters"),
    ("string_pattern_mismatch", "account", "1", "allowed: an account's 12 digits, in quotes"),
    ("string_pattern_mismatch", "perimeter.vpc_endpoints", ["vpc-1"],
     "allowed: a VPC endpoint's id, such as vpce-0a1b2c3d4e5f60718"),
    ("literal_error", "api.auth", "none", "allowed: iam or cognito"),
    ("literal_error", "monitoring.alarm_period_seconds", 20,
     "allowed: 10, 30, 60, 300, 900 or 3600"),
    ("tuple_type", "perimeter.landing_roles", "x", "allowed: a list"),
    ("too_short", "network.availability_zones", ["eu-west-1a"], "allowed: a list of at least 2"),
    ("too_long", "network.availability_zones", [f"eu-west-1{zone}" for zone in "abcd"],
     "allowed: a list of at most 3"),
    ("dict_type", "reserved_concurrency", 1, "allowed: names with values"),
    ("model_type", "owner", 1, "allowed: a section with team, cost_center, email"),
    ("union_tag_invalid", "serving.mode", "batch", "allowed: realtime, serverless or off"),
    ("union_tag_invalid", "serving.mode", ["off"], "allowed: realtime, serverless or off"),
    ("path_type", "contract", 1, "allowed: text, in quotes where YAML would read a number, a date "
     "or true"),
    ("missing", "owner", {"team": "a", "cost_center": "b"}, "must be set"),
    ("extra_forbidden", "owner.phone", 1, "unknown key; allowed: team, cost_center, email"),
    ("invalid_key", "owner", {"team": "a", "cost_center": "b", "email": "a@b", 1: 2},
     "allowed as a key: text, in quotes"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "dotted", "value", "told"), RAISING)
def test_a_refused_value_is_told_with_what_is_allowed(
    kind: str, dotted: str, value: object, told: str, configuration: ConfigurationCopy
) -> None:
    configuration.change_settings({dotted: value})
    (problem,) = configuration.problems()
    assert problem.field.startswith(dotted)
    assert problem.allowed == told
    if kind != "missing":
        assert problem.line


def test_the_values_raise_every_error_that_a_settings_file_can() -> None:
    raised = {
        error
        for node in _nodes(Settings.__pydantic_core_schema__, set())
        for error in _errors(node)
    }
    # The one function of the settings reads YAML's false as off.
    assert {kind for kind, *_ in RAISING} == raised - {"value_error"}


BAD: tuple[object, ...] = (
    [], {}, "", "?", -1, 0, 1.5, 10**30, True, None, b"\xff", float("inf"), float("nan"),
    datetime.date(2013, 1, 1), [1], {1: 2}, {"x": 1},
)  # fmt: skip


def _with(model: type[BaseModel], value: object) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every place below a section, and a section with the value there."""
    for name, field in model.model_fields.items():
        yield (name,), single_values(model) | {name: value}
        for kind in models_of(field.annotation):
            for place, data in _with(kind, value):
                yield (name, *place), single_values(model) | {name: data}


def test_no_bad_value_of_any_setting_is_told_in_pydantic_s_words() -> None:
    assert len({place for place, _ in _with(Settings, None)}) > 100
    for value in BAD:
        for place, data in _with(Settings, value):
            with pytest.raises(ValidationError) as caught:
                Settings.model_validate(data)
            for location, _, allowed in findings(caught.value, Settings, data):
                assert not any(word in allowed for word in ITS_OWN), (location, value, allowed)
                # The path that was written, without the name of a kind.
                if location[:1] == place[:1] and allowed != "must be set":
                    assert location[: len(place)] == place[: len(location)], (location, value)


def test_kinds_of_one_value_are_told_together() -> None:
    data = {"slaProperties": [{"property": "retention", "value": {}}]}
    with pytest.raises(ValidationError) as caught:
        OpenDataContractStandard.model_validate(data)
    ((location, value, allowed),) = findings(caught.value, OpenDataContractStandard, data)
    assert (location, value) == (("slaProperties", 0, "value"), {})
    assert allowed == (
        "allowed: text, in quotes where YAML would read a number, a date or true, or a number, or "
        "a whole number, or true or false"
    )
