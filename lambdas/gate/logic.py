"""Two gates, both from the contract alone: is the data fit to train on, is the candidate better.

Each answers with every reason at once, in words that name the number and the limit: the answer goes
to people by notification.
"""

from __future__ import annotations

from typing import Any

from core.contract import Contract
from model_code import tasks
from model_code.tasks.task import Task

PARTS = ("train", "validation", "holdout")


def quality(contract: Contract, statistics: dict[str, Any]) -> dict[str, Any]:
    """Judge the statistics of a features run.

    Args:
        contract: the compiled contract.
        statistics: ``statistics.json``: ``contract_version``, ``rows`` and ``labels`` by part,
            ``nulls`` (share in the train part) by feature.

    Returns:
        ``passed`` and ``reasons`` (empty when passed).
    """
    reasons = [
        *_version(contract, statistics),
        *_sizes(contract, statistics["rows"]),
        *_labels(contract, statistics["rows"], statistics["labels"]),
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


def _labels(contract: Contract, rows: dict[str, int], labels: dict[str, Any]) -> list[str]:
    task = tasks.of(contract)
    found = {part: task.lacking(rows[part], labels[part]) for part in PARTS if rows[part]}
    return [f"{part} has {reason}" for part, reason in found.items() if reason]


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
    """
    gate, task = contract["gate"], tasks.of(contract)
    metric, words = task.objective.key, task.yardsticks()
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
    against += [_against(words[name], one) for name, one in simple.items() if _beaten(name, one)]
    beside = [_against(words[name], one) for name, one in simple.items() if not _beaten(name, one)]
    return {
        "promote": not against,
        "reasons": against or [f"{shown}: better than the champion on {rows} rows", *beside],
        "candidate": _summary(task, evaluation["candidate"]),
        "champion": _summary(task, evaluation["champion"]),
        "difference": {metric: difference},
        "yardsticks": simple,
    }


def _beaten(name: str, simple: dict[str, Any]) -> bool:
    """Whether a yardstick speaks against the candidate; a NaN or an absent interval always does.

    The constant must be beaten; the linear model may be as good, within the interval.
    """
    found = simple["difference"]
    if name == "constant":
        return not found["value"] < 0
    return found["low"] is None or not found["low"] <= 0


def _against(words: str, simple: dict[str, Any]) -> str:
    return f"against {words} on the same rows: {_shown(simple['difference'])}"


def _shown(found: dict[str, Any]) -> str:
    """A difference with its interval, which a hold-out of one day does not have."""
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:+.4f} (no interval: too few days)"
    return f"{found['value']:+.4f} (interval {found['low']:+.4f} to {found['high']:+.4f})"


def _summary(task: Task, model: dict[str, Any]) -> dict[str, Any]:
    """Metrics without the curves, which would outgrow a state's 256 KB."""
    wanted = [*[metric.key for metric in task.metrics], "rows"]
    return {name: model[name] for name in wanted if name in model}
