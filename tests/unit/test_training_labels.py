"""Rows that no features run has: training says which, whatever the task and the algorithm."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from model_code import algorithms
from tests.support import task_worlds

PLACES = {"binary": "0 to 1", "ranges": "0 to 2"}
WRONG = [
    *((case, value) for case in PLACES for value in (math.nan, math.inf, 3.0, 0.5, -1.0)),
    *((case, value) for case in ("squared", "absolute") for value in (math.nan, -math.inf, 1e39)),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of each case, written once."""
    found: dict[str, Path] = {}

    def of(case: str) -> Path:
        if case not in found:
            found[case] = tmp_path_factory.mktemp(case) / "run"
            task_worlds.write_run(case, found[case])
        return found[case]

    return of


def refused(run: Path, part: str, changed: pd.DataFrame, algorithm: str, target: Path) -> str:
    """What training says of a part that was changed; the part is as before afterwards."""
    path = run / part / "part.parquet"
    before = path.read_bytes()
    changed.to_parquet(path, index=False)
    try:
        with pytest.raises(ValueError, match="allowed") as caught:
            task_worlds.fitted(algorithm, run, target)
    finally:
        path.write_bytes(before)
    assert not target.exists()
    return str(caught.value)


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
@pytest.mark.parametrize(("case", "value"), WRONG)
def test_labels_that_are_none_of_the_task_are_counted_and_shown(
    case: str, value: float, algorithm: str, run: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = pd.read_parquet(run(case) / "validation")
    rows.loc[[3, 5], "__label"] = [value, value]
    told = refused(run(case), "validation", rows, algorithm, tmp_path / "model")
    allowed = f"whole numbers from {PLACES[case]}" if case in PLACES else "numbers that a 32-bit"
    assert re.match(rf"2 of {len(rows)} labels of validation are none of the task", told)
    assert f"the first is {value:.17g}; allowed: {allowed}" in told


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
@pytest.mark.parametrize("case", ["binary", "ranges", "squared", "absolute"])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_part_without_rows_is_refused(
    part: str, case: str, algorithm: str, run: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = pd.read_parquet(run(case) / part).iloc[:0]
    told = refused(run(case), part, rows, algorithm, tmp_path / "model")
    assert told == f"{part} has no rows; allowed: at least one"
