"""Settings of retraining."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from config.section import Days, Minutes, Section
from model_code.algorithms.linear.settings import Linear
from model_code.algorithms.xgboost.settings import Xgboost


def _name(value: object) -> str:
    """The algorithm that ``value`` names; xgboost where it names none."""
    default = "xgboost"
    told = value.get("name", default) if isinstance(value, Mapping) else default
    return str(getattr(value, "name", told))


Algorithm = Annotated[
    Annotated[Xgboost, Tag("xgboost")] | Annotated[Linear, Tag("linear")],
    Discriminator(_name),
]


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
    algorithm: Algorithm = Xgboost()
