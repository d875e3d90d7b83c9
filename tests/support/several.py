"""A configuration of two models over one lake: whether a flight is late, and by how much."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.copies import CONTRACT, ROOT, ConfigurationCopy, set_custom
from tests.support.task_contracts import CHANGES, CLASSES
from tests.support.yaml_files import parsed

DELAY = "config/contracts/delay.odcs.yaml"


def several(
    configuration: ConfigurationCopy, environment: str = "dev", **own: dict[str, Any]
) -> None:
    """Give a settings file two models; ``own`` are settings of a model, by its name."""
    contract = parsed((ROOT / CONTRACT).read_text())
    CHANGES["absolute"](contract)
    (configuration.root / DELAY).write_text(yaml.safe_dump(contract, sort_keys=False))
    path = configuration.root / "config" / f"{environment}.yaml"
    data = parsed(path.read_text())
    shared = {key: data.pop(key) for key in ("training", "serving") if key in data}
    data.pop("contract")
    data["models"] = {
        "late": {"contract": CONTRACT, **shared, **own.get("late", {})},
        "delay": {
            "contract": DELAY,
            **shared,
            "training": {**shared.get("training", {}), "window_days": 60},
            **own.get("delay", {}),
        },
    }
    path.write_text(yaml.safe_dump(data, sort_keys=False))


def kinds(configuration: ConfigurationCopy) -> None:
    """Give the demo two models of other kinds: minutes late, and early, on time or late."""
    path = configuration.root / "config" / "demo.yaml"
    data = parsed(path.read_text())
    own = {key: data.pop(key) for key in ("training", "serving")}
    data.pop("contract")
    data["models"] = {}
    for model, case, algorithm in (
        ("delay", "squared", {"name": "xgboost", "trees": 60}),
        ("how", "ranges", {"name": "xgboost", "trees": 60}),
    ):
        contract = parsed((ROOT / CONTRACT).read_text())
        CHANGES[case](contract)
        if case == "ranges":
            # Nearly all late: a seed that a model of few weeks is surely better than.
            shares = dict(zip(CLASSES, (0.1, 0.1, 0.8), strict=True))
            set_custom(contract, "seedProbabilities", shares)
        place = f"config/contracts/{model}.odcs.yaml"
        (configuration.root / place).write_text(yaml.safe_dump(contract, sort_keys=False))
        training = {**own["training"], "algorithm": algorithm}
        data["models"][model] = {**own, "contract": place, "training": training}
    path.write_text(yaml.safe_dump(data, sort_keys=False))
