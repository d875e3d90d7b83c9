"""Whatever a contract's own properties hold: the load takes it, or says what is wrong."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.kinds import models_of
from config.problems import ConfigurationError
from model_code import tasks
from tests.support.copies import CONTRACT, ROOT, ConfigurationCopy, copied, field, set_custom
from tests.support.task_contracts import CHANGES, LABEL, compiled

CASES = ("binary", "squared", "ranges", "texts")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-5, 40),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["24", "fast", "not set", "\0", "fr\u00fch", "fru\u0308h"]),
)
KEYS = st.one_of(st.text(max_size=3), st.sampled_from(["name", "below", "field", "value"]))
RANGES = st.lists(
    st.fixed_dictionaries({}, optional={"name": SCALARS, "below": SCALARS}) | SCALARS, max_size=6
)
VALUES = RANGES | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def places(case: str) -> list[tuple[str, ...]]:
    """The keys of the case's task, those of its sections, and what a label may be."""
    model = tasks.part(compiled(case)["task"], "contract").Properties
    found: list[tuple[str, ...]] = [("enum",), ("logicalTypeOptions",)]
    for name, info in model.model_fields.items():
        found.append(("customProperties", name))
        for section in models_of(info.annotation):
            found += [("customProperties", name, key) for key in section.model_fields]
    return found


def of_case(case: str) -> dict[str, Any]:
    """The contract of a case as plain YAML."""
    contract: dict[str, Any] = yaml.safe_load((ROOT / CONTRACT).read_text())
    if case != "binary":
        CHANGES[case](contract)
    return contract


def write(contract: dict[str, Any], copy: ConfigurationCopy) -> None:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    (copy.root / CONTRACT).write_text(yaml.dump(contract, Dumper=dumper, allow_unicode=True))


def put(contract: dict[str, Any], place: tuple[str, ...], value: object) -> None:
    """Set what stands at a place, null included."""
    kind, *steps = place
    if kind != "customProperties":
        field(contract, LABEL)[kind] = value
        return
    name, *key = steps
    given_ = {entry["property"]: entry["value"] for entry in contract["customProperties"]}
    if key and isinstance(given_.get(name), dict):
        value = given_[name] | {key[0]: value}
    set_custom(contract, name, None)
    contract["customProperties"].append({"property": name, "value": value})


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> ConfigurationCopy:
    return copied(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("case", CASES)
def test_any_value_is_taken_or_refused(case: str, copy: ConfigurationCopy) -> None:
    known, plain = places(case), of_case(case)

    @settings(max_examples=100, deadline=None)
    @given(st.dictionaries(st.sampled_from(known), VALUES, min_size=1, max_size=2))
    @example({("customProperties", known[-1][1]): None})
    def any_value(changes: dict[tuple[str, ...], object]) -> None:
        contract = deepcopy(plain)
        for place, value in changes.items():
            put(contract, place, value)
        write(contract, copy)
        try:
            found = copy.load().contract
        except ConfigurationError as error:
            assert all(problem.allowed for problem in error.problems)
            assert str(error).isprintable() or "\n" in str(error)
            return
        json.dumps(found, allow_nan=False)
        task = tasks.of(found)
        assert task.read(task.answer(task.seed)) == task.seed

    any_value()


@pytest.mark.parametrize(
    "classes",
    [
        ["fast", "usual", "slow"],
        [{"name": "fast", "below": 24}, None, {"name": "slow"}],
        [{"name": "fast", "below": 24}, "usual", {"name": "slow"}],
        [["fast", 24], ["usual", 30], ["slow"]],
    ],
    ids=["texts", "null between", "a text between", "lists"],
)
def test_what_is_no_class_is_told_with_what_a_class_is(
    classes: list[Any], copy: ConfigurationCopy
) -> None:
    contract = of_case("ranges")
    set_custom(contract, "classes", classes)
    write(contract, copy)
    wrong = [place for place, one in enumerate(classes) if not isinstance(one, dict)]
    problems = copy.problems()
    assert [problem.field for problem in problems] == [
        f"customProperties[classes].value[{place}]" for place in wrong
    ]
    assert {problem.allowed for problem in problems} == {"allowed: a section with name, below"}
