"""Settings of retraining."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Days, Minutes, Section


class Training(Section):
    """Retraining: windows in days of event time, periods in wall-clock time."""

    instance_type: str = "ml.m5.large"
    spot: bool = True
    volume_customer_key: bool = True
    max_runtime_minutes: Annotated[int, Field(gt=0, le=28 * 24 * 60)] = 60
    evaluation_minutes: Annotated[int, Field(gt=0, le=9 * 24 * 60)] = 60
    window_days: Days = 90
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    holdout_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    cooldown_minutes: Minutes = 1440
    lease_minutes: Annotated[Minutes, Field(gt=0)] = 600
    schedule: str | None = "cron(0 3 1 * ? *)"
    approval: Literal["automatic", "manual"] = "automatic"
    trees: Annotated[int, Field(ge=1, le=5000)] = 200
    max_depth: Annotated[int, Field(ge=1, le=16)] = 6
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 2013
