"""Values that a contract gives, held against what it allows by the validator of the records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from open_data_contract_standard.model import OpenDataContractStandard

from config.contract import example_record
from config.problems import Location, Problem
from config.source import Source
from core import records
from core.checks import RefusedError, checker
from core.contract import Field


def problems(
    contract: OpenDataContractStandard, source: Source, compiled: dict[str, Any]
) -> Iterator[Problem]:
    """Allowed values and examples that limits refuse, and limits that the validator lacks."""
    yield from _check_values(contract, source, compiled)
    yield from _check_validators(contract, source, compiled)


def _check_values(
    contract: OpenDataContractStandard, source: Source, compiled: dict[str, Any]
) -> Iterator[Problem]:
    fields = {
        (record["name"], field["name"]): field
        for record in (compiled["event"], compiled["label"])
        for field in record["fields"]
    }
    for index, schema in enumerate(contract.schema_ or []):
        for position, prop in enumerate(schema.properties or []):
            field = fields[(schema.name, prop.name)]
            here: Location = ("schema", index, "properties", position)
            limits = {key: value for key, value in field.items() if key != "allowed"}
            for number, entry in enumerate(prop.enum or []):
                yield from _refused(source, (*here, "enum", number, "value"), entry.value, limits)
            # The first ones make a record, see below.
            for number, value in enumerate((prop.examples or [])[1:], start=1):
                yield from _refused(source, (*here, "examples", number), value, field)


def _refused(
    source: Source, place: Location, value: object, field: dict[str, Any]
) -> Iterator[Problem]:
    try:
        checker(cast(Field, field))(value)
    except RefusedError as refused:
        yield source.problem(place, f"allowed: a value of the field; {refused.message}")


def _check_validators(
    contract: OpenDataContractStandard, source: Source, compiled: dict[str, Any]
) -> Iterator[Problem]:
    """Run-time code has the last word: what it could not enforce is refused here too.

    The examples make one record that the validator must accept: ``make verify-aws`` sends it.
    """
    positions = {schema.name: index for index, schema in enumerate(contract.schema_ or [])}
    for role in ("event", "label"):
        record = compiled[role]
        here: Location = ("schema", positions[record["name"]])
        example = example_record(record)
        try:
            checked = records.compiled(record).check(example, lambda _value: "p_")
        except ValueError as error:
            yield source.problem(here, str(error), value=role)
            continue
        if isinstance(checked, records.Invalid):
            fields = [field["name"] for field in record["fields"]]
            place = (*here, "properties", fields.index(checked.field), "examples")
            place = (*place, 0) if checked.field in example else place
            yield source.problem(place, f"allowed: a valid first example; {checked.message}")
