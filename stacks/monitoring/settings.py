"""Settings of the monitor, its alarms and the budget."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Days, Positive, Section


class Monitoring(Section):
    """Monitor job, alarms and budget."""

    instance_type: str = "ml.m5.large"
    volume_customer_key: bool = True
    schedule: str | None = "cron(0 6 * * ? *)"
    window_days: Days = 30
    alarm_period_seconds: Literal[10, 30, 60, 300, 900, 3600] = 300
    data_freshness_seconds: Annotated[int, Field(gt=0, le=7 * 24 * 3600)] = 3600
    latency_milliseconds: Annotated[int, Field(gt=0, le=60_000)] = 500
    monthly_budget_usd: Positive = 300
