"""Small models and hold-outs with a known truth, for tests of training, evaluation, monitoring."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core import names
from model_code.features import fit
from tests.support.spark_jobs import CONTRACT

FEATURES = [feature["name"] for feature in CONTRACT["features"]]
CARRIERS = {"AA": 0.2, "UA": 0.4}
CATEGORIES = [one["name"] for one in CONTRACT["features"] if one["kind"] == "category"]


def spec() -> dict[str, Any]:
    """A specification whose categories know a few values."""
    counts: dict[str, fit.ValueCounts] = {name: {"any": (1000, 300)} for name in CATEGORIES}
    counts |= {
        "carrier": {name: (1000, int(1000 * share)) for name, share in CARRIERS.items()},
        "origin": {"EWR": (1000, 300), "JFK": (1000, 200)},
        "destination": {"IAH": (1000, 300), "SFO": (1000, 250)},
    }
    return fit.feature_spec(CONTRACT, {"start": "", "end": "", "as_of": ""}, counts)


def events(rows: int, seed: int, start: str = "2013-03-01") -> list[dict[str, Any]]:
    """Validated events over ten days, with a few values missing."""
    generator = np.random.default_rng(seed)
    minutes = np.sort(generator.integers(0, 10 * 1440, rows))
    times = pd.Timestamp(start) + pd.to_timedelta(minutes, unit="min")
    found = []
    for index, moment in enumerate(times):
        record = {name: float(generator.normal()) for name in FEATURES}
        record |= dict.fromkeys(CATEGORIES, "any")
        record["carrier"] = str(generator.choice(list(CARRIERS)))
        record["origin"] = str(generator.choice(["EWR", "JFK"]))
        record["destination"] = str(generator.choice(["IAH", "SFO", "ZZZ"]))
        if index % 5 == 0:
            del record["wind_gust_mph"]
        record["flight_id"] = f"{moment:%Y-%m-%dT%H:%MZ}_AA_{index % 9999 + 1}_EWR"
        record["event_time"] = f"{moment:%Y-%m-%d %H:%M:%S}"
        found.append(record)
    return found


def truth(record: dict[str, Any]) -> float:
    """Probability that the label is 1."""
    score = 1.2 * record["temperature_f"] + 3 * (CARRIERS[record["carrier"]] - 0.3) - 1
    return float(1 / (1 + np.exp(-score)))


def labels(records: list[dict[str, Any]], seed: int) -> list[float]:
    """Draws of the truth."""
    generator = np.random.default_rng(seed)
    return [float(generator.random() < truth(record)) for record in records]


def part(records: list[dict[str, Any]], label: list[float]) -> pd.DataFrame:
    """A part as the features job writes it, with raw categories."""
    from model_code.features.transform import RAW, Encoder

    rows = pd.DataFrame(Encoder(spec()).matrix(records), columns=FEATURES)
    for name in CATEGORIES:
        rows[f"{RAW}{name}"] = [record[name] for record in records]
    rows.insert(0, "flight_id", [record["flight_id"] for record in records])
    rows.insert(1, "event_time", pd.to_datetime([record["event_time"] for record in records]))
    rows.insert(2, names.LABEL_COLUMN, label)
    return rows


def write_run(folder: Path, rows: int = 3000) -> dict[str, pd.DataFrame]:
    """A features run: three parts and their documents."""
    found = {}
    for index, name in enumerate(("train", "validation", "holdout")):
        records = events(rows if name == "train" else rows // 3, index, f"2013-0{index + 1}-01")
        found[name] = part(records, labels(records, index))
        (folder / name).mkdir(parents=True)
        found[name].to_parquet(folder / name / "part.parquet", index=False)
    documents = {
        "feature_spec.json": spec(),
        "contract.json": CONTRACT,
        "baseline.json": baseline(),
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))
    return found


def baseline(days: int = 30) -> dict[str, Any]:
    """A hundred rows a day of what :func:`events` draws: quartiles, a fifth of one missing."""
    generator = np.random.default_rng(7)
    found: dict[str, Any] = {}

    def drawn(shares: list[float]) -> list[list[int]]:
        return generator.multinomial(100, shares, size=days).tolist()  # type: ignore[no-any-return]

    for name in FEATURES:
        nulls = 0.2 if name == "wind_gust_mph" else 0.0
        by_day = drawn([(1 - nulls) / 4] * 4 + [nulls])
        found[name] = fit.numeric_baseline([-0.674, 0.0, 0.674], by_day)
    categories = {name: ["any"] for name in CATEGORIES} | {
        "carrier": list(CARRIERS),
        "origin": ["EWR", "JFK"],
        "destination": ["IAH", "SFO", "ZZZ"],
    }
    for name, values in categories.items():
        shares = [1 / len(values)] * len(values) + [0.0, 0.0]
        found[name] = fit.category_baseline(values, drawn(shares))
    dates = pd.date_range("2013-02-01", periods=days).strftime("%Y-%m-%d").tolist()
    return {"version": 2, "days": dates, "features": {name: found[name] for name in FEATURES}}


def write_seed(folder: Path, probability: float = 0.25) -> Path:
    """A constant model's directory."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"kind": "constant", "output": probability}))
    (folder / "contract.json").write_text(json.dumps(CONTRACT))
    return folder


def pack(folder: Path, target: Path) -> Path:
    """``model.tar.gz`` of a model directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, arcname=path.name)
    return target
