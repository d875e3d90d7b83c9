"""Runs of the features job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from glue_jobs import features
from tests.support.spark_jobs import Lake

AS_OF = "2013-01-22T00:00:00Z"


class Run:
    """One run of the job and what it wrote."""

    def __init__(self, lake: Lake, output: Path, **given: str) -> None:
        self.output = output
        chosen = {
            "input_contract": f"{lake.root}/contract.json",
            "database": lake.database,
            "output_run": f"{output}/",
            "window_days": "21",
            "validation_share": "0.2",
            "holdout_share": "0.2",
            "as_of": AS_OF,
            **given,
        }
        features.main([part for name, value in chosen.items() for part in (f"--{name}", value)])

    def part(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.output / name)

    def document(self, name: str) -> dict[str, Any]:
        return json.loads((self.output / name).read_bytes())  # type: ignore[no-any-return]
