"""The numbers that a label can be, by its type, its allowed values or its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from open_data_contract_standard.model import SchemaProperty

from config.problems import as_yaml
from core.checks import RANGES


@dataclass(frozen=True, slots=True)
class LabelValues:
    """Those from ``low`` to ``high``, of integers the whole ones; or the listed ones alone."""

    low: float
    high: float
    whole: bool
    listed: tuple[float, ...] = ()

    def reach(self, first: float, end: float) -> bool:
        """Whether one lies from ``first`` to below ``end``."""
        if self.listed:
            return any(first <= value < end for value in self.listed)
        least = max(first, self.low)
        least = math.ceil(least) if self.whole else least
        return least < end and least <= self.high

    def __str__(self) -> str:
        """In words."""
        if self.listed:
            return as_yaml(list(self.listed))
        return f"{'integers' if self.whole else 'numbers'} from {self.low} to {self.high}"


def label_values(label: SchemaProperty) -> LabelValues | None:
    """The numbers that a label can be; None for a text, and for limits that leave none.

    A limit that is no number counts as none: it was told before.
    """
    kind = label.logicalType or ""
    if kind not in RANGES:
        return None
    options, (smallest, largest) = label.logicalTypeOptions or {}, RANGES[kind]
    listed = tuple(e.value for e in label.enum or [] if isinstance(e.value, int | float))
    if listed:
        return LabelValues(min(listed), max(listed), kind == "integer", listed)
    low, high = options.get("minimum"), options.get("maximum")
    low = low if isinstance(low, int | float) else smallest
    high = high if isinstance(high, int | float) else largest
    return LabelValues(low, high, kind == "integer") if low <= high else None
