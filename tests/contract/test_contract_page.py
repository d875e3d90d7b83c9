"""docs/contract.md names every custom property that a contract may have, and its examples load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.contract_properties import FieldProperties, RecordProperties
from config.kinds import kinds_of, models_of
from model_code import tasks
from tests.support.copies import ROOT, ConfigurationCopy, field, set_custom
from tests.support.task_contracts import categories

PAGE = (ROOT / "docs" / "contract.md").read_text()
SECTIONS = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
BLOCKS = [
    (title, yaml.safe_load(block))
    for title, section in SECTIONS.items()
    for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
]
# What else the contract or the settings say is less than the key's own limit.
NARROWER = ("driftedFeaturesToAlarm", "minimumDays")
EVERY = "On the contract, for every task"


def rows(title: str) -> dict[str, list[str]]:
    """Type, allowed, meaning and example by name, of a section's table."""
    lines = [line for line in SECTIONS[title].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(one) == 5 and all(one) for one in cells), title
    return {name.strip("`"): rest for name, *rest in cells}


def models(task: str) -> type[BaseModel]:
    found: type[BaseModel] = tasks.part(task, "contract").Properties
    return found


def inside(annotation: object) -> list[type[BaseModel]]:
    """The sections that a value is, or is a list of."""
    items = [one for kind in kinds_of(annotation) for one in get_args(kind)]
    return [*models_of(annotation), *(section for item in items for section in models_of(item))]


def documented() -> Iterator[tuple[str, str, FieldInfo]]:
    """Section of the page, name and field of everything that a contract's models know."""
    for title, model in (("On a record", RecordProperties), ("On a field", FieldProperties)):
        yield from ((title, name, info) for name, info in model.model_fields.items())
    for task in tasks.TASKS:
        for name, info in models(task).model_fields.items():
            shared = name in ("task", "gate", "monitoring")
            title = EVERY if shared else f"Task `{task}`"
            yield title, name, info
            below = f"Keys of `{name}`" if shared else title
            for section in inside(info.annotation):
                yield from ((below, key, one) for key, one in section.model_fields.items())


KNOWN = list(documented())


def test_each_table_names_what_the_models_know_and_nothing_else() -> None:
    for title in {title for title, _, _ in KNOWN}:
        assert rows(title).keys() == {name for where, name, _ in KNOWN if where == title}, title


@pytest.mark.parametrize(
    ("title", "name", "info"), KNOWN, ids=[f"{title}: {name}" for title, name, _ in KNOWN]
)
def test_a_row_tells_values_limits_default_and_whether_it_must_be_set(
    title: str, name: str, info: FieldInfo
) -> None:
    kind, allowed, _, example = rows(title)[name]
    for one in kinds_of(info.annotation):
        for value in get_args(one) if get_origin(one) is Literal else ():
            assert f"`{value}`" in allowed
    for limit in info.metadata:
        for sort in ("ge", "gt", "le", "lt", "max_length"):
            bound = getattr(limit, sort, None)
            if bound is None or (sort == "le" and name in NARROWER):
                continue
            # Of whole numbers the least above 0 is 1.
            shown = 1 if (sort, bound, info.annotation) == ("gt", 0, int) else bound
            assert re.search(rf"\b{re.escape(str(shown))}\b", allowed), sort
    assert ("required" in kind) >= info.is_required()
    if info.default not in (None, PydanticUndefined):
        assert f"`{info.default}` (default)" in allowed or f"default {info.default}" in allowed
    assert example.startswith("`") or models_of(info.annotation)


def test_every_task_has_an_example() -> None:
    assert {title for title, _ in BLOCKS} == {f"Task `{task}`" for task in tasks.TASKS}


@pytest.mark.parametrize(
    ("title", "block"), BLOCKS, ids=[f"{at}: {title}" for at, (title, _) in enumerate(BLOCKS)]
)
def test_an_example_loads(
    title: str, block: dict[str, Any], configuration: ConfigurationCopy
) -> None:
    """In the place of the flights contract's own, whose categories multiclass takes as ordinal."""

    def change(contract: dict[str, Any]) -> None:
        contract["customProperties"] = block["customProperties"]
        for prop in block.get("properties", []):
            there = field(contract, prop["name"])
            there.clear()
            there.update(prop)
        if "multiclass" in title:
            for name in categories():
                set_custom(field(contract, name), "encoding", "ordinal")

    configuration.change_contract(change)
    contract = configuration.load().contract
    assert title == f"Task `{contract['task']}`"
    task = tasks.of(contract)
    assert task.read(task.answer(task.seed)) == task.seed
