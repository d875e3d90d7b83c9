"""Whatever stands where, each problem says what may: no traceback, no list of nothing."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from config.problems import ConfigurationError, Location, Problem
from tests.support.copies import CONTRACT, ConfigurationCopy
from tests.support.yaml_files import parsed

UNLIKE: tuple[Any, ...] = (None, [None], {}, "", -1)
# A list that is joined of nothing, or a sentence that ends where it should go on.
_NOTHING = re.compile(r"allowed[^:;]*:\s*(?:$|[,;.)])|(?:[,:(]|\b(?:with|of|at|than|for|to))\s*$")


def _locations(content: object, here: Location = ()) -> Iterator[Location]:
    """Every place of a document, of lists the first item."""
    yield here
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _locations(value, (*here, key))
    elif isinstance(content, list) and content:
        yield from _locations(content[0], (*here, 0))


def _at(content: Any, location: Location) -> Any:
    for step in location:
        content = content[step]
    return content


def _spoiled(content: Any, location: Location) -> Iterator[Any]:
    """The document with something else at a place, with a key that is unknown, or without one."""
    for value in UNLIKE if location else ():
        changed = copy.deepcopy(content)
        _at(changed, location[:-1])[location[-1]] = copy.deepcopy(value)
        yield changed
    if isinstance(_at(content, location), dict):
        changed = copy.deepcopy(content)
        _at(changed, location)["schemas"] = []
        yield changed
    if location and isinstance(location[-1], str):
        changed = copy.deepcopy(content)
        del _at(changed, location[:-1])[location[-1]]
        yield changed


def _problems(configuration: ConfigurationCopy) -> tuple[Problem, ...]:
    try:
        configuration.load()
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("file", ["config/dev.yaml", CONTRACT])
def test_every_problem_says_what_is_allowed(file: str, configuration: ConfigurationCopy) -> None:
    path = configuration.root / file
    content = parsed(path.read_text())
    if file == CONTRACT:
        for schema in content["schema"]:
            schema["properties"] = schema["properties"][:1]
    told = 0
    for location in _locations(content):
        for changed in _spoiled(content, location):
            path.write_text(yaml.dump(changed, Dumper=yaml.CSafeDumper, sort_keys=False))
            for problem in _problems(configuration):
                told += 1
                assert re.search("allowed|must be set", problem.allowed), (location, problem)
                assert not _NOTHING.search(problem.allowed), (location, problem)
    assert told > 100


def test_a_misspelt_list_of_objects_is_told_without_lists_of_nothing(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_contract(lambda contract: contract.update(schemas=contract.pop("schema")))
    known, *roles = configuration.problems()
    assert known.field == "schemas"
    assert known.allowed.startswith("unknown key; allowed: version, kind, ")
    assert "schema" in known.allowed.split(", ")
    assert [(problem.field, problem.allowed) for problem in roles] == [
        ("schema", f"allowed: exactly one object with mlRole {role}") for role in ("event", "label")
    ]


def test_an_item_of_a_list_is_told_its_own_keys(configuration: ConfigurationCopy) -> None:
    def change(contract: dict[str, Any]) -> None:
        contract["team"] = [None]
        contract["schema"][0]["properties"][0]["customProperties"][0] = None

    configuration.change_contract(change)
    told = [problem.allowed for problem in configuration.problems()]
    assert any("allowed: a section with" in one and "username" in one for one in told)
    assert any("allowed: a section with" in one and "property, value" in one for one in told)
