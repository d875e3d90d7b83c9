"""How often the gate promotes, in years in which nothing changes and on the year as it was.

A year without change is the flights' days in random order: twelve retrainings, each on 90 days and
judged on the last fifth of them, by the training and evaluation code itself. Promotions of such a
year are needless beyond the first, which replaces the seed. Days in random order are not alike, so
it also says how alike neighbouring days of the year as it was are.
``python -m tests.bench.bench_gate``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core import names
from lambdas.gate.logic import decide
from local import flights
from model_code import tasks, yardsticks
from model_code.evaluation import evaluate, inputs, jackknife
from model_code.features import fit
from model_code.features.transform import Encoder
from model_code.models import Model
from model_code.training import train
from tests.support import models
from tests.support.spark_jobs import CONTRACT
from tests.support.training import xgboost_training

FEATURES = [feature["name"] for feature in CONTRACT["features"]]
CATEGORIES = [f["name"] for f in CONTRACT["features"] if f["kind"] == "category"]
WINDOW, EVERY, FOLDS = 90, 30, 5


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of one retraining, cut at whole days."""

    train: pd.DataFrame
    validation: pd.DataFrame
    holdout: pd.DataFrame


def year(order: np.ndarray) -> pd.DataFrame:
    """Labelled flights (a tenth) on days renumbered by ``order``."""
    frame = flights.sample(flights.prepare(), 0.1)
    rows = frame[frame["outcome"] == "arrived"].copy()
    rows["__label"] = (rows["arrival_delay_minutes"] >= CONTRACT["label_rule"]["at_least"]).astype(
        float
    )
    codes, _ = pd.factorize(rows["event_time"].dt.floor("D"), sort=True)
    place = np.argsort(order)[codes]
    rows["day"] = place
    moved = pd.to_timedelta(place - codes, unit="D")
    rows["event_time"] = rows["event_time"] + moved
    return rows.sort_values(["event_time", "flight_id"], ignore_index=True)


def retrainings(rows: pd.DataFrame) -> Iterator[Parts]:
    """The last 90 days, every 30 days."""
    for end in range(WINDOW, int(rows["day"].max()) + 2, EVERY):
        first, second = end - round(WINDOW * 0.3), end - round(WINDOW * 0.15)
        day = rows["day"]
        yield Parts(
            rows[(day >= end - WINDOW) & (day < first)],
            rows[(day >= first) & (day < second)],
            rows[(day >= second) & (day < end)],
        )


def counts(rows: pd.DataFrame, name: str) -> dict[str | None, tuple[int, int]]:
    """Rows and positives of each value."""
    found = rows.groupby(name)["__label"].agg(["size", "sum"])
    return {str(value): (int(n), int(positive)) for value, n, positive in found.itertuples()}


def candidate(parts: Parts, target: Path) -> Model:
    """Train as the job does, with target means out of fold for the train part."""
    spec = fit.feature_spec(CONTRACT, {}, {name: counts(parts.train, name) for name in CATEGORIES})
    validation, learnt = encoded(parts.validation, spec), encoded(parts.train, spec)
    runs = parts.train["day"].to_numpy() % FOLDS
    for name in CATEGORIES:
        folds = [counts(parts.train[runs == number], name) for number in range(FOLDS)]
        for number, (mapping, default) in enumerate(fit.out_of_fold(folds)):
            values = parts.train[name][runs == number].map(mapping).fillna(default)
            learnt.loc[runs == number, name] = values.to_numpy()
    training = xgboost_training()
    found = training.search(*(train.arrays(rows, FEATURES) for rows in (learnt, validation)))
    matrix, label = train.arrays(pd.concat([learnt, validation]), FEATURES)
    booster = training.fit((matrix, label), found)
    run = target.with_name(f"{target.name}-run")
    run.mkdir()
    for name, document in (
        (names.FEATURE_SPEC_FILE, spec), (names.BASELINE_FILE, {}), (names.CONTRACT_FILE, CONTRACT),
    ):  # fmt: skip
        (run / name).write_text(json.dumps(document))
    target.mkdir()
    training.save(booster, target)
    train.save("xgboost", CONTRACT, run, target)
    simple = yardsticks.fit(tasks.measures_of(CONTRACT), matrix, label)
    (target / yardsticks.FILE).write_text(json.dumps(simple))
    return Model(target)


def encoded(rows: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Features under a specification, with the label."""
    records = rows[FEATURES].astype(object).where(rows[FEATURES].notna(), None).to_dict("records")
    found = pd.DataFrame(Encoder(spec).matrix(records), columns=FEATURES)
    return found.assign(__label=rows["__label"].to_numpy())


def judged(parts: Parts, one: Model, other: Model, folder: Path) -> dict[str, Any]:
    """The gate's answer."""
    raw = parts.holdout[["event_time", "__label", *FEATURES]]
    simple = evaluate.yardstick_outputs(folder, raw)
    found = evaluate.compare(CONTRACT, raw, one, other, 1, simple=simple)
    return decide(CONTRACT, found)


def promotions(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The gate's answers over a year that begins with the seed model."""
    answers = []
    with tempfile.TemporaryDirectory() as place:
        champion = Model(models.write_seed(Path(place) / "seed", CONTRACT["seed"]))
        for index, parts in enumerate(retrainings(rows)):
            folder = Path(place) / str(index)
            found = candidate(parts, folder)
            answers.append(judged(parts, found, champion, folder))
            if answers[-1]["promote"]:
                champion = found
    return answers


def correlations(rows: pd.DataFrame) -> dict[str, list[float]]:
    """Of neighbouring days within months that no candidate had learnt from.

    ``loss``: of each candidate; ``difference``: of a candidate's loss less that of the one before.
    """
    label, day = rows["__label"].to_numpy(float), rows["day"].to_numpy()
    records = inputs.records(rows[["event_time", *FEATURES]])
    found: dict[str, list[float]] = {"loss": [], "difference": []}
    with tempfile.TemporaryDirectory() as place:
        before = None
        for index, parts in enumerate(retrainings(rows)):
            one = candidate(parts, Path(place) / str(index))
            loss = tasks.measures_of(CONTRACT).losses(label, inputs.predictions(one, records))
            for first in range(int(parts.holdout["day"].min()), int(day.max()) + 2 - EVERY, EVERY):
                month = (day >= first) & (day < first + EVERY)
                found["loss"].append(alike(loss[month], day[month]))
                if before is not None:
                    found["difference"].append(alike((loss - before)[month], day[month]))
            before = loss
    return found


def alike(values: np.ndarray, day: np.ndarray) -> float:
    """Correlation of neighbouring days' influence on the mean."""
    rows = np.unique(day, return_counts=True)[1]
    sums = np.bincount(day - day.min(), weights=values)
    without = (sums.sum() - sums) / (rows.sum() - rows)
    return jackknife.estimated_correlation(without - without.mean())


def main() -> None:
    """Print promotions by year."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10)
    years = parser.parse_args().years
    for what, found in correlations(year(np.arange(366))).items():
        print(f"neighbouring days, {what}: {np.mean(found):.2f} over {len(found)} months")
    generator = np.random.default_rng(1)
    needless = 0
    for number in range(years + 1):
        order = np.arange(366) if number == 0 else generator.permutation(366)
        answers = promotions(year(order))
        what = "the year as it was" if number == 0 else f"without change {number}"
        told = ["promoted" if one["promote"] else "kept" for one in answers]
        print(f"{what}: {' '.join(told)}", flush=True)
        if number:
            needless += sum(one["promote"] for one in answers) > 1
        else:
            for one in answers:
                print("   ", "; ".join(one["reasons"]))
    print(f"{needless} of {years} years without change had a needless promotion")


if __name__ == "__main__":
    main()
