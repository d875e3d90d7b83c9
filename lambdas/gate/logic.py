"""Two gates, both from the contract alone: is the data fit to train on, is the candidate better.

Each answers with every reason at once, in words that name the number and the limit: the answer goes
to people by notification.
"""

from __future__ import annotations

from typing import Any

from core.contract import Contract

PARTS = ("train", "validation", "holdout")
# The contract's name of a metric -> its name in evaluation.json. Lower is better for each.
METRICS = {"logLoss": "log_loss"}
YARDSTICKS = {
    "prior": "a constant (the training rows' share of positives)",
    "logistic": "a logistic regression on the same features",
}


def quality(contract: Contract, statistics: dict[str, Any]) -> dict[str, Any]:
    """Judge the statistics of a features run.

    Args:
        contract: the compiled contract.
        statistics: ``statistics.json``: ``contract_version``, ``rows`` and ``positives`` by part,
            ``nulls`` (share in the train part) by feature.

    Returns:
        ``passed`` and ``reasons`` (empty when passed).
    """
    reasons = [
        *_version(contract, statistics),
        *_sizes(contract, statistics["rows"]),
        *_classes(statistics["rows"], statistics["positives"]),
        *_empty_features(contract, statistics["nulls"]),
    ]
    return {"passed": not reasons, "reasons": reasons}


def _version(contract: Contract, statistics: dict[str, Any]) -> list[str]:
    version = statistics["contract_version"]
    if version == contract["version"]:
        return []
    return [f"features follow contract {version}; deployed is {contract['version']}"]


def _sizes(contract: Contract, rows: dict[str, int]) -> list[str]:
    limits = {
        "train": contract["gate"]["minimumTrainingRows"],
        "validation": 1,
        "holdout": contract["gate"]["minimumHoldoutRows"],
    }
    return [
        f"{part} has {rows[part]} labelled rows; at least {limit} are needed"
        for part, limit in limits.items()
        if rows[part] < limit
    ]


def _classes(rows: dict[str, int], positives: dict[str, int]) -> list[str]:
    return [
        f"{part} has {positives[part]} positives in {rows[part]} rows; both classes are needed"
        for part in PARTS
        if rows[part] and not 0 < positives[part] < rows[part]
    ]


def _empty_features(contract: Contract, nulls: dict[str, float]) -> list[str]:
    return [
        f"feature {feature['name']} has no value in the train part"
        for feature in contract["features"]
        if nulls.get(feature["name"], 1.0) >= 1.0
    ]


def decide(contract: Contract, evaluation: dict[str, Any]) -> dict[str, Any]:
    """Judge a candidate against the champion on the same hold-out.

    The difference is candidate minus champion. It must be at most minus the contract's margin, and
    its interval must lie below zero. The champion may be no measure, so the candidate must also
    lose less than a constant, and not surely more than a small linear model on the same features.

    Returns:
        ``promote``, ``reasons``, and the metrics of ``candidate``, ``champion``, ``difference`` and
        ``yardsticks``.

    Raises:
        ValueError: the contract's gate names a metric that evaluations don't have.
    """
    gate = contract["gate"]
    if gate["metric"] not in METRICS:
        raise ValueError(f"gate.metric is {gate['metric']!r}; allowed: {', '.join(METRICS)}")
    metric = METRICS[gate["metric"]]
    difference = evaluation["difference"][metric]
    value, high = difference["value"], difference["high"]
    rows = evaluation["candidate"]["rows"]
    shown = f"{metric} changes by {_shown(difference)}"
    against = []
    if rows < gate["minimumHoldoutRows"]:
        against.append(f"hold-out has {rows} rows; at least {gate['minimumHoldoutRows']} needed")
    # Evaluations of the job always say so; one that does not is judged by its interval alone.
    days = evaluation["candidate"].get("blocks")
    if days is not None and days < gate["minimumHoldoutDays"]:
        against.append(f"hold-out has {days} days; at least {gate['minimumHoldoutDays']} needed")
    # Written so that neither a NaN, of which every comparison is false, nor an absent end promotes.
    if not value <= -gate["margin"]:
        against.append(f"{shown}; it must fall by at least {gate['margin']}")
    if high is None or not high < 0:
        against.append(f"{shown}; the interval must lie below zero")
    simple = evaluation.get("yardsticks", {})
    against += [_against(name, one) for name, one in simple.items() if _beaten(name, one)]
    beside = [_against(name, one) for name, one in simple.items() if not _beaten(name, one)]
    return {
        "promote": not against,
        "reasons": against or [f"{shown}: better than the champion on {rows} rows", *beside],
        "candidate": _summary(evaluation["candidate"]),
        "champion": _summary(evaluation["champion"]),
        "difference": {metric: difference},
        "yardsticks": simple,
    }


def _beaten(name: str, simple: dict[str, Any]) -> bool:
    """Whether a yardstick speaks against the candidate; a NaN or an absent interval always does.

    The constant must be beaten; the linear model may be as good, within the interval.
    """
    found = simple["difference"]
    if name == "prior":
        return not found["value"] < 0
    return found["low"] is None or not found["low"] <= 0


def _against(name: str, simple: dict[str, Any]) -> str:
    return f"against {YARDSTICKS[name]} on the same rows: {_shown(simple['difference'])}"


def _shown(found: dict[str, Any]) -> str:
    """A difference with its interval, which a hold-out of one day does not have."""
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:+.4f} (no interval: too few days)"
    return f"{found['value']:+.4f} (interval {found['low']:+.4f} to {found['high']:+.4f})"


def _summary(model: dict[str, Any]) -> dict[str, Any]:
    """Metrics without the curves, which would outgrow a state's 256 KB."""
    wanted = ("log_loss", "auc", "calibration_error", "rows")
    return {name: model[name] for name in wanted if name in model}
