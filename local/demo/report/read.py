"""Reads the documents that jobs left in S3 into the report's types."""

from __future__ import annotations

from typing import Any

from local.demo.report.model import Curve, Estimate, Metrics, MonthReport


def estimate(document: dict[str, Any] | None) -> Estimate | None:
    """``{"value", "low", "high"}``, or None when the metric was undefined."""
    if not document or document.get("value") is None:
        return None
    return Estimate(value=document["value"], low=document.get("low"), high=document.get("high"))


def metrics(document: dict[str, Any]) -> Metrics:
    """One model's part of ``evaluation.json``."""
    loss = estimate(document["log_loss"])
    assert loss is not None, "an evaluation always has a log loss"
    return Metrics(
        log_loss=loss,
        auc=estimate(document.get("auc")),
        calibration_error=estimate(document.get("calibration_error")),
        rows=document["rows"],
    )


def roc_curve(document: dict[str, Any]) -> Curve | None:
    """The ROC curve of one model's part of ``evaluation.json``."""
    points = document.get("roc") or []
    if not points:
        return None
    return Curve(
        x=[point["false_positive_rate"] for point in points],
        y=[point["true_positive_rate"] for point in points],
    )


def calibration_curve(document: dict[str, Any]) -> Curve | None:
    """The calibration curve of one model's part of ``evaluation.json``."""
    points = document.get("calibration") or []
    if not points:
        return None
    return Curve(
        x=[point["predicted"] for point in points],
        y=[point["observed"] for point in points],
        rows=[int(point["rows"]) for point in points],
    )


def month_report(document: dict[str, Any], month: str, model: str) -> MonthReport:
    """The monitor's ``report.json`` for one window."""
    drift = {name: float(value["psi"]) for name, value in document["drift"].items()}
    quality = document.get("quality") or {}
    return MonthReport(
        month=month,
        model=model,
        labelled=int(document.get("labelled", 0)),
        log_loss=estimate(quality.get("log_loss")),
        auc=estimate(quality.get("auc")),
        calibration_error=estimate(quality.get("calibration_error")),
        drift=drift,
        drifted=list(document.get("drifted_features", [])),
        breached=bool(document["breached"]),
        reasons=[str(reason) for reason in document.get("reasons", [])],
        criteria=[str(one["reason"]) for one in document["criteria"]],
        limits={
            name: value
            for name, value in document["limits"].items()
            if name in ("log_loss", "calibration_error")
        },
    )
