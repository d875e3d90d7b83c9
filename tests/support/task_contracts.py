"""The flights contract for the other tasks: how late, and how.

Each change takes the contract as plain YAML and leaves events, label record and service levels as
they are, so that one lake of flights serves all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
from open_data_contract_standard.model import OpenDataContractStandard

from config.contract import compile_contract
from tests.support.copies import CONTRACT, ROOT, field, set_custom
from tests.support.yaml_files import parsed

Document = dict[str, Any]
LABEL = "arrival_delay_minutes"
# Names as awkward as a contract may have them.
EARLY, ON_TIME, LATE = "früh 早", "on 'time'", 'late: "15" & more\\'
CLASSES = [EARLY, ON_TIME, LATE]
LIMITS = [-10, 15]


def _without_binary(contract: Document, task: str, **criteria: float) -> None:
    for name in ("positiveLabel", "seedProbability"):
        set_custom(contract, name, None)
    set_custom(contract, "task", task)
    for entry in contract["customProperties"]:
        if entry["property"] == "monitoring":
            entry["value"].update(criteria)


def _ordinal(contract: Document) -> None:
    for name in categories():
        set_custom(field(contract, name), "encoding", "ordinal")


def squared(contract: Document) -> None:
    """Minutes late, by squared errors."""
    _without_binary(contract, "regression", calibrationTolerance=5.0)
    set_custom(contract, "seedValue", 40.0)


def absolute(contract: Document) -> None:
    """Minutes late, by absolute errors and with ordinal categories."""
    squared(contract)
    _ordinal(contract)
    for entry in contract["customProperties"]:
        if entry["property"] == "gate":
            entry["value"]["metric"] = "meanAbsoluteError"


def ranges(contract: Document) -> None:
    """Early, on time or late, as ranges of minutes."""
    _without_binary(contract, "multiclass")
    _ordinal(contract)
    below = [*LIMITS, None]
    classes = [
        {"name": name} if limit is None else {"name": name, "below": limit}
        for name, limit in zip(CLASSES, below, strict=True)
    ]
    set_custom(contract, "classes", classes)


def texts(contract: Document) -> None:
    """Early, on time or late, as the label itself says."""
    _without_binary(contract, "multiclass")
    _ordinal(contract)
    label = field(contract, LABEL)
    del label["logicalTypeOptions"]
    label.update(logicalType="string", physicalType="string", examples=[LATE],
                 enum=[{"value": name} for name in CLASSES])  # fmt: skip
    set_custom(contract, "seedProbabilities", {EARLY: 0.2, ON_TIME: 0.5, LATE: 0.3})


CHANGES: dict[str, Callable[[Document], None]] = {
    "squared": squared,
    "absolute": absolute,
    "ranges": ranges,
    "texts": texts,
}


def compiled(case: str) -> Document:
    """The contract of a case, or the flights' own as ``binary``, as run-time code reads it."""
    return dict(json.loads(_compiled(case)))


@cache
def categories() -> tuple[str, ...]:
    """Features of the flights that are texts; every case has the same."""
    features = compiled("binary")["features"]
    return tuple(one["name"] for one in features if one["kind"] == "category")


@cache
def _compiled(case: str) -> str:
    data = parsed((ROOT / CONTRACT).read_text())
    if case != "binary":
        CHANGES[case](data)
    return json.dumps(compile_contract(OpenDataContractStandard.model_validate(data, strict=True)))


def with_labels(case: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Flights with the label as the case's contract has it."""
    if case != "texts":
        return frame
    minutes = frame[LABEL].astype(float)
    said = pd.Series(ON_TIME, index=frame.index, dtype=object)
    said[minutes < LIMITS[0]] = EARLY
    said[minutes >= LIMITS[1]] = LATE
    return frame.assign(**{LABEL: said.where(minutes.notna(), None)})
