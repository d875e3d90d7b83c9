"""A complete, typed report with invented numbers: what the page and its tests are drawn from."""

from __future__ import annotations

import math
from typing import Any

from local.demo.report.model import (
    Alarm,
    Comparison,
    Contender,
    Curve,
    Estimate,
    Fault,
    Iam,
    Metrics,
    ModelReport,
    Moment,
    Monitoring,
    MonthReport,
    MonthTraffic,
    Phase,
    Records,
    Report,
    Resources,
    Serving,
    Stack,
    StreamRecords,
    Teardown,
    VariantTraffic,
    Window,
)

FEATURES = (
    "carrier", "origin", "destination", "departure_minute", "arrival_minute", "day_of_week",
    "distance_miles", "temperature_f", "dew_point_f", "humidity_percent", "wind_direction_degrees",
    "wind_speed_mph", "wind_gust_mph", "precipitation_inches", "pressure_millibars",
    "visibility_miles", "aircraft_year", "aircraft_seats", "aircraft_engines",
)  # fmt: skip
MONTHS = ("April", "May", "June", "July")
STACKS = {
    "security": [],
    "network": ["security"],
    "data_lake": ["security", "network"],
    "ingestion": ["security", "data_lake"],
    "processing": ["security", "network", "data_lake"],
    "training": ["security", "network", "data_lake", "processing"],
    "serving": ["security", "network", "data_lake", "training"],
    "api": ["security", "network", "serving"],
    "monitoring": ["security", "data_lake", "training", "serving", "api"],
    "audit": ["security", "data_lake"],
}


def _estimate(value: float, spread: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value - spread, high=value + spread)


def _metrics(auc: float, loss: float, error: float, rows: int) -> Metrics:
    return Metrics(
        auc=_estimate(auc),
        log_loss=_estimate(loss),
        calibration_error=_estimate(error, 0.01),
        rows=rows,
    )


def _contender(name: str, start: str, auc: float, loss: float, error: float) -> Contender:
    power = 1.0 / (2 * auc)
    grid = [i / 40 for i in range(41)]
    predicted = [0.05 + 0.09 * i for i in range(9)]
    return Contender(
        name=name,
        training_window=Window(start=f"{start}T00:00:00Z", end="2013-06-30T23:59:00Z"),
        metrics=_metrics(auc, loss, error, 2641),
        roc=Curve(x=grid, y=[x ** (power * 1.1) for x in grid]),
        calibration=Curve(
            x=predicted,
            y=[min(1.0, p + error * (1 if i % 2 else 0.6)) for i, p in enumerate(predicted)],
            rows=[640, 520, 410, 330, 260, 200, 140, 90, 51],
        ),
    )


def _month(index: int) -> MonthReport:
    drift = {
        name: round(abs(math.sin(index * 2 + position)) * (0.9 if position in (7, 8) else 0.2), 3)
        for position, name in enumerate(FEATURES)
    }
    drifted = [name for name, value in drift.items() if value >= 0.25]
    return MonthReport(
        month=MONTHS[index],
        model="January to March" if index == 0 else "February to April",
        labelled=2600 + index * 31,
        log_loss=_estimate(0.56 + 0.04 * index),
        auc=_estimate(0.63 + 0.01 * index),
        calibration_error=_estimate(0.05 + 0.02 * index, 0.01),
        drift=drift,
        drifted=drifted,
        breached=index in (0, 2),
        criteria=["calibration error is at least 0.030; at most 0.060 is allowed"],
        limits={"log_loss": 0.54 + 0.02 * index, "calibration_error": 0.06},
        reasons=["log loss 0.56 to 0.60 lies above the limit of 0.54"] if index == 0 else [],
    )


def _stream(sent: int, rejected: int, repeats: int, planted: dict[str, int]) -> StreamRecords:
    return StreamRecords(
        sent=sent, curated=sent - rejected, rejected=rejected, pending=0,
        delivered=sent + repeats, sent_copies=sent + repeats, backup_copies=sent + repeats,
        duplicates=repeats,
        duplicates_by_origin={"sender": 38, "delivery": 0, "replay": 500} if repeats else {},
        rejected_by_code={"missing": 38, "not_json": 41, "out_of_range": 45} if rejected else {},
        planted=planted, agrees=True,
    )  # fmt: skip


def _records() -> Records:
    planted = {"duplicate": 38, "missing_field": 38, "not_json": 41, "out_of_range": 44}
    events, labels = _stream(19731, 124, 538, planted), _stream(18902, 0, 0, {})
    return Records(
        sent=events.sent, curated=events.curated, rejected=events.rejected, pending=0,
        delivered=events.delivered, duplicates=events.duplicates, labels=labels.curated,
        without_label=612, by_stream={"events": events, "labels": labels},
    )  # fmt: skip


def _phases() -> list[Phase]:
    titles = (
        ("deploy", "Deploy ten stacks", 58), ("ingest", "Stream January to March", 27),
        ("curate", "Curate and reconcile", 22), ("retrain", "First retraining", 51),
        ("april", "April", 31), ("may", "May", 24), ("june", "June", 25), ("july", "July", 23),
        ("compare", "Winter against spring", 14), ("teardown", "Tear down", 18),
    )  # fmt: skip
    phases, start = [], 4.0
    for name, title, seconds in titles:
        phases.append(Phase(name=name, title=title, status="done", start_s=start, seconds=seconds))
        start += seconds
    return phases


def _serving() -> Serving:
    months = [
        MonthTraffic(
            month=name, requests=70 + 4 * i, records=2600, errors=3 if i == 1 else 0,
            by_variant={"champion": 60 + i, "challenger": 10 + 3 * i, "none": 3 if i == 1 else 0},
        )
        for i, name in enumerate(MONTHS)
    ]  # fmt: skip
    traffic = {
        "champion": VariantTraffic(requests=246, records=9300, errors=0, p50_ms=31.0, p99_ms=142.0),
        "challenger": VariantTraffic(
            requests=58, records=1100, errors=3, p50_ms=33.0, p99_ms=208.0
        ),
    }
    return Serving(
        requests=304, records=10400, errors=3, by_variant=traffic, p50_ms=31.0, p99_ms=166.0,
        by_month=months, errors_by_status={"503": 3}, sample="Every sampled flight of the month.",
    )  # fmt: skip


def _stacks() -> list[Stack]:
    return [
        Stack(
            name=name, resources=18 + 5 * len(uses), uses=uses,
            by_handling={"executed": 10, "emulated": 6 + 5 * len(uses), "recorded": 2},
            services={"IAM": 6, "S3": 5, "KMS": 4, "Lambda": 3, "CloudWatch": 2},
        )
        for name, uses in STACKS.items()
    ]  # fmt: skip


def _models() -> list[ModelReport]:
    window = Window(start="2013-01-01T10:15:00Z", end="2013-03-04T00:00:00Z")
    return [
        ModelReport(
            name="seed", kind="constant", package_arn="arn:aws:sagemaker:::seed/1", rows={},
            training_window=None, holdout=None, trigger="deployed with the stacks", decision="seed",
        ),
        ModelReport(
            name="January to March", kind="xgboost", package_arn="arn:aws:sagemaker:::flights/2",
            training_window=window, rows={"train": 5400, "holdout": 1190},
            holdout=_metrics(0.671, 0.536, 0.021, 1190), trigger="started by hand",
            decision="promoted", reasons=["log loss lower by 0.021 (0.012 to 0.030)"],
        ),
    ]  # fmt: skip


def _moments() -> list[Moment]:
    marks: list[tuple[float, Any, str]] = [
        (112.0, "retraining", "First retraining starts"), (124.0, "fault", "Spark process killed"),
        (160.0, "rollout", "January to March serves"), (176.0, "fault", "Server killed"),
        (190.0, "alarm", "Alarm fires on April"), (191.0, "retraining", "Retraining starts"),
        (236.0, "rollout", "February to April serves"),
    ]  # fmt: skip
    return [Moment(at_s=at, kind=kind, title=title, detail="details") for at, kind, title in marks]


def example_report() -> Report:
    """A run in which everything happened."""
    phases = _phases()
    return Report(
        status="complete", failed_phase=None, reason=None, started="2026-01-02 03:04 UTC",
        scale="small", sampling="One flight in ten, chosen by the SHA-256 of its id.",
        corruption="one record in a hundred", contract="flights 1.0.0", records=_records(),
        resources=Resources(
            executed=100, emulated=212, recorded=20,
            by_type={
                "AWS::S3::Bucket": {"count": 7, "handling": "emulated", "why": "", "names": []}
            },
        ),
        models=_models(),
        comparison=Comparison(
            month="July", first=_contender("January to March", "2013-01-01", 0.654, 0.681, 0.09),
            second=_contender("April to June", "2013-04-01", 0.729, 0.585, 0.03),
            difference=_estimate(-0.096), auc_difference=_estimate(0.075),
        ),
        serving=_serving(),
        monitoring=Monitoring(
            drifted_features=["temperature_f"], drift_threshold=0.25,
            months=[_month(i) for i in range(len(MONTHS))],
            alarm=Alarm(
                name="model-criteria", fired=True, fired_at="2026-01-02T03:09:00Z", month="April",
                reason="log loss above the limit", started_execution="arn:execution",
            ),
        ),
        iam=Iam(
            principals_enforced=14, calls=8123, denied=1, unused_grants=42,
            by_principal=[{"principal": "router", "calls": 400, "denied": 0, "unused": 2}],
            denials=[{"principal": "router", "action": "s3:Get", "resource": "*", "times": 1}],
        ),
        faults=[
            Fault(name="Server killed", what="SIGKILL to the challenger", outcome="3 errors",
                  recovered=True, seconds=2.5)
        ],
        stacks=_stacks(),
        differences=[{"setting": "training.algorithm.trees", "dev": "200", "demo": "100"}],
        teardown=Teardown(left=[], destroyed=list(STACKS), complete=True), phases=phases,
        timeline=_moments(), seconds={p.name: p.seconds for p in phases} | {"total": 297.0},
    )  # fmt: skip
