"""A section of several kinds: a setting that its kind does not have cannot be written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from config.kinds import models_of, single_values, told_apart
from config.schema import SCHEMA_FILE
from config.settings import Settings
from model_code.algorithms import ALGORITHMS
from stacks.serving.settings import Off, Realtime, Serverless
from tests.support.copies import ROOT, ConfigurationCopy
from tests.support.yaml_files import parsed

MODES: dict[str, type[BaseModel]] = {"realtime": Realtime, "serverless": Serverless, "off": Off}
# A value that is allowed where the setting is; what it refused before there were modes.
WRITTEN: dict[str, object] = {
    "instance_type": "ml.m5.large",
    "champion": {"instances": 1},
    "challenger": None,
    "shadow": False,
    "vpc": False,
    "volume_customer_key": False,
    "retain_variant_properties": False,
    "update": "rolling",
    "bake_seconds": 300,
    "capture_percent": 100,
    "capture": False,
    "experiment_weight": 0.0,
    "experiment_minutes": 0,
    "autoscaling": {"enabled": False},
    "memory_megabytes": 2048,
    "max_concurrency": 10,
}
FOREIGN = [
    (mode, name)
    for mode, model in MODES.items()
    for name in WRITTEN
    if name not in model.model_fields
]


def test_every_setting_of_a_mode_is_tried_in_the_others() -> None:
    names = {name for model in MODES.values() for name in model.model_fields}
    assert names == WRITTEN.keys() | {"mode"}


@pytest.mark.parametrize(("mode", "name"), FOREIGN)
def test_a_mode_refuses_what_another_has_and_says_which(
    mode: str, name: str, configuration: ConfigurationCopy
) -> None:
    configuration.change_settings(
        {"serving": {"mode": mode, name: WRITTEN[name]}, "monitoring.schedule": None}
    )
    (problem,) = configuration.problems()
    assert (problem.field, problem.value) == (f"serving.{name}", WRITTEN[name])
    assert problem.line
    (owner,) = [other for other, model in MODES.items() if name in model.model_fields]
    keys = ", ".join(MODES[mode].model_fields)
    assert problem.allowed == f"allowed with serving.mode {owner}; with {mode}: {keys}"


def test_a_setting_of_no_mode_is_unknown(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"serving": {"mode": "off", "realtime": {"vpc": True}}})
    (problem,) = configuration.problems()
    assert (problem.field, problem.allowed) == ("serving.realtime", "unknown key; allowed: mode")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Realtime()),
        ("serving: {}\n", Realtime()),
        ("serving: {bake_seconds: 240}\n", Realtime(bake_seconds=240)),
        ("serving: {mode: realtime}\n", Realtime()),
        (
            "serving: {mode: serverless}\nmonitoring: {schedule: null}\n",
            Serverless(mode="serverless"),
        ),
        ("serving: {mode: off}\n", Off(mode="off")),
        ('serving: {mode: "off"}\n', Off(mode="off")),
    ],
)
def test_a_mode_is_as_short_to_write_as_its_defaults_let_it(
    text: str, expected: BaseModel, configuration: ConfigurationCopy
) -> None:
    path = configuration.root / "config" / "dev.yaml"
    path.write_text(path.read_text() + text)
    assert configuration.load().settings.serving == expected


@pytest.mark.parametrize(
    ("name", "good", "bad", "allowed"),
    [
        ("memory_megabytes", 1024, 1000, "1024, 2048, 3072, 4096, 5120 or 6144"),
        ("max_concurrency", 200, 201, "1 to 200"),
    ],
)
def test_sizes_of_a_serverless_endpoint_are_those_of_aws(
    name: str, good: int, bad: int, allowed: str, configuration: ConfigurationCopy
) -> None:
    serverless = {"serving.mode": "serverless", "monitoring.schedule": None}
    configuration.change_settings(serverless | {f"serving.{name}": good})
    configuration.load()
    configuration.change_settings({f"serving.{name}": bad})
    (problem,) = configuration.problems()
    assert (problem.field, problem.allowed) == (f"serving.{name}", f"allowed: {allowed}")


def test_a_section_of_unknown_kind_is_not_judged_and_the_others_are(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_settings(
        {"serving": {"mode": "batch", "update": "rolling", "memory_megabytes": 1}, "api.burst": 49}
    )
    found = {problem.field: problem for problem in configuration.problems()}
    assert found.keys() == {"serving.mode", "api.burst"}
    assert found["serving.mode"].value == "batch"
    assert found["serving.mode"].allowed == "allowed: realtime, serverless or off"


def test_a_kind_that_is_given_twice_is_told_once(configuration: ConfigurationCopy) -> None:
    path = configuration.root / "config" / "dev.yaml"
    path.write_text(path.read_text() + "serving: {mode: batch, mode: realtime, update: rolling}\n")
    assert [problem.field for problem in configuration.problems()] == ["serving.mode"]


def _schema_says(serving: object) -> list[str]:
    data = parsed((ROOT / "config" / "dev.yaml").read_text()) | {"serving": serving}
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
    return [error.message for error in validator.iter_errors(data)]


@pytest.mark.parametrize(("mode", "name"), FOREIGN)
def test_editors_refuse_what_another_mode_has_by_its_name(mode: str, name: str) -> None:
    (message,) = _schema_says({"mode": mode, name: WRITTEN[name]})
    assert f"'{name}' was unexpected" in message


def test_editors_take_each_mode_and_the_default_one_without_its_name() -> None:
    realtime = {name: WRITTEN[name] for name in Realtime.model_fields if name != "mode"}
    for serving in ({}, realtime, {"mode": "serverless", "max_concurrency": 1}, {"mode": "off"}):
        assert _schema_says(serving) == []
    assert _schema_says({"mode": "batch"}) == [
        "'batch' is not one of ['realtime', 'serverless', 'off']"
    ]


def _sections(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], Any]]:
    """Every section with the field that it stands in."""
    for field in model.model_fields.values():
        for section in models_of(field.annotation):
            yield section, field
            yield from _sections(section)


def test_a_setting_that_allows_one_value_tells_kinds_apart() -> None:
    assert single_values(Settings) == {}
    kinds = 0
    for section, field in _sections(Settings):
        told = told_apart(field)
        assert list(single_values(section)) == ([told[0]] if told else []), section
        kinds += told is not None
    assert kinds == len(MODES) + len(ALGORITHMS)
