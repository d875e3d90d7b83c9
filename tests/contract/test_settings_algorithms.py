"""``training.algorithm``: short to write, and each algorithm held to its own settings."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from config.differences import differences
from model_code import algorithms
from model_code.algorithms.hyperparameters import Hyperparameters
from model_code.algorithms.linear.settings import Linear
from model_code.algorithms.xgboost.settings import Xgboost
from tests.support.copies import ROOT, ConfigurationCopy
from tests.support.yaml_files import parsed

KINDS: dict[str, type[Hyperparameters]] = {
    name: getattr(algorithms.part(name, "settings"), name.capitalize())
    for name in algorithms.ALGORITHMS
}


def test_every_algorithm_has_settings_of_its_name_and_an_image() -> None:
    images = parsed((ROOT / "config/images.yaml").read_text())
    for name, kind in KINDS.items():
        assert kind.model_validate({"name": name}).arguments()["algorithm"] == name
        assert kind.IMAGE in images


@pytest.mark.parametrize("name", KINDS)
def test_what_a_job_is_told_is_what_its_program_takes(name: str) -> None:
    chosen = KINDS[name].model_validate({"name": name})
    told = chosen.arguments()
    assert told.pop("algorithm") == name
    parser = argparse.ArgumentParser()
    algorithms.part(name, "training").add_arguments(parser)
    given = [part for key, value in told.items() for part in (f"--{key}", value)]
    taken = vars(parser.parse_args(given))
    for key in told:
        assert taken[key] == getattr(chosen, key) == parser.get_default(key)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, Xgboost()),
        ({"trees": 300}, Xgboost(trees=300)),
        ({"name": "xgboost", "seed": 1}, Xgboost(seed=1)),
        ({"name": "linear"}, Linear(name="linear")),
        ({"name": "linear", "penalty": 10}, Linear(name="linear", penalty=10.0)),
    ],
)
def test_an_algorithm_is_as_short_to_write_as_its_defaults_let_it(
    written: dict[str, Any], expected: Hyperparameters, configuration: ConfigurationCopy
) -> None:
    configuration.change_settings({"training.algorithm": written})
    assert configuration.load().settings.training.algorithm == expected


@pytest.mark.parametrize(
    ("written", "place", "allowed"),
    [
        ({"name": "linear", "trees": 3}, "trees",
         "allowed with training.algorithm.name xgboost; with linear: name, penalty, penalties"),
        ({"penalty": 3.0}, "penalty", "allowed with training.algorithm.name linear; with xgboost: "
         "name, trees, max_depth, learning_rate, seed"),
        ({"name": "linear", "penalty": 0}, "penalty", "allowed: above 0 and at most 1000000"),
        ({"name": "linear", "penalties": 10}, "penalties", "allowed: 1 to 9"),
        ({"trees": 0}, "trees", "allowed: 1 to 5000"),
        ({"max_depth": 17}, "max_depth", "allowed: 1 to 16"),
    ],
)  # fmt: skip
def test_what_an_algorithm_does_not_have_is_refused(
    written: dict[str, Any], place: str, allowed: str, configuration: ConfigurationCopy
) -> None:
    configuration.change_settings({"training.algorithm": written})
    (problem,) = configuration.problems()
    assert (problem.field, problem.allowed) == (f"training.algorithm.{place}", allowed)
    assert problem.line


def test_an_unknown_algorithm_is_told_of_all(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"training.algorithm": {"name": "forest"}})
    (problem,) = configuration.problems()
    assert problem.field == "training.algorithm.name"
    unknown = [name for name in algorithms.ALGORITHMS if name not in problem.allowed]
    assert unknown == [], "stacks/training/settings.py: Algorithm"


def test_settings_of_old_are_told_where_they_went(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"training.trees": 300})
    (problem,) = configuration.problems()
    assert problem.field == "training.trees"
    assert "algorithm" in problem.allowed


def test_the_demo_s_trees_are_a_difference_by_name(configuration: ConfigurationCopy) -> None:
    base, demo = (configuration.load(name).settings for name in ("dev", "demo"))
    found = {one.field: (one.base, one.other) for one in differences(base, demo)}
    assert found["training.algorithm.trees"] == (200, 100)
