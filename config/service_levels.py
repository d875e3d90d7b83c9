"""Checks of what a contract promises: how long records stay, and when labels have come."""

from __future__ import annotations

from collections.abc import Iterator

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    ServiceLevelAgreementProperty,
)

from config.contract import HOURS, custom_properties
from config.problems import NOT_SET, Location
from config.wording import Finding

# Service levels that Millrace reads: units, least and most. Storage ages in whole days; S3 takes
# 2147483647 of them, and a date of Python ends before.
UNITS: dict[str, tuple[tuple[str, ...], int, int]] = {
    "retention": (("d", "day", "days"), 1, 36_500),
    "latency": (("h", "d", "day", "days"), 0, 36_500 * 24),
}


def check_service_levels(contract: OpenDataContractStandard) -> Iterator[Finding]:
    """Every promise that is missing, given twice, without effect or beyond sense."""
    # Without objects, or their names, that is what is wrong, and told elsewhere.
    schemas = [schema.name for schema in contract.schema_ or [] if schema.name]
    found: dict[tuple[str | None, str | None], int] = {}
    for index, sla in enumerate(contract.slaProperties or []):
        here: Location = ("slaProperties", index)
        if sla.element not in schemas:
            if schemas:
                yield (*here, "element"), sla.element, f"allowed: {', '.join(schemas)}"
        elif sla.property not in UNITS:
            allowed = f"has no effect; allowed: {', '.join(UNITS)}"
            yield (*here, "property"), sla.property, allowed
        else:
            key = (sla.property, sla.element)
            if key in found:
                yield here, sla.property, f"given twice for {sla.element}; allowed: once"
            found[key] = index
            yield from _check_value(sla, here)
    for name in schemas:
        if ("retention", name) not in found:
            yield ("slaProperties",), NOT_SET, f"allowed: retention exactly once for {name}"
    yield from _check_latency(contract, found)


def _check_value(sla: ServiceLevelAgreementProperty, here: Location) -> Iterator[Finding]:
    units, least, most = UNITS[str(sla.property)]
    if sla.unit not in units:
        yield (*here, "unit"), sla.unit, f"allowed: {', '.join(units)}"
    whole = isinstance(sla.value, int) and not isinstance(sla.value, bool)
    if not whole or not least <= int(sla.value or 0) <= most:
        yield (*here, "value"), sla.value, f"allowed: a whole number, {least} to {most}"


def _check_latency(
    contract: OpenDataContractStandard, found: dict[tuple[str | None, str | None], int]
) -> Iterator[Finding]:
    """How long labels take; nothing waits for events."""
    levels = contract.slaProperties or []
    names = {
        custom_properties(schema.customProperties).get("mlRole"): schema.name
        for schema in contract.schema_ or []
    }
    unwanted = found.get(("latency", names.get("event")))
    if unwanted is not None:
        allowed = "has no effect on events; allowed: the object with mlRole label"
        yield ("slaProperties", unwanted, "element"), names["event"], allowed
    late, kept = (
        found.get(("latency", names.get("label"))),
        found.get(("retention", names.get("event"))),
    )
    if late is not None and kept is not None:
        hours, most = _in_hours(levels[late]), _in_hours(levels[kept])
        if hours is not None and most is not None and hours >= most:
            allowed = "allowed: less than the event's retention, or no label ever finds its event"
            yield ("slaProperties", late, "value"), levels[late].value, allowed


def _in_hours(sla: ServiceLevelAgreementProperty) -> int | None:
    valid = isinstance(sla.value, int) and sla.unit in HOURS
    return int(sla.value or 0) * HOURS[str(sla.unit)] if valid else None
