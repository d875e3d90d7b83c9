"""Custom properties that the contract of every task has: gate and monitoring.

A task's folder adds its own (``model_code/tasks/<task>/contract.py``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Rows = Annotated[int, Field(gt=0, le=1_000_000_000)]
Confidence = Annotated[float, Field(ge=0.5, lt=1)]


class Closed(BaseModel):
    """Custom properties of one place: strict, so that what is compiled stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class GateCriteria(Closed):
    """What a challenger has to show on the hold-out; a task adds the ``metric`` that decides.

    ``confidence`` is that of a year of ``decisionsPerYear``: with this probability no challenger
    that is not better is promoted in it. Rows of one day share its luck, so a hold-out needs days.
    ``margin`` is in the metric's unit.
    """

    margin: Annotated[float, Field(ge=0)]
    confidence: Confidence
    decisionsPerYear: Annotated[int, Field(ge=1, le=366)] = 12  # noqa: N815
    minimumHoldoutRows: Rows  # noqa: N815
    minimumHoldoutDays: Annotated[int, Field(ge=5, le=366)] = 7  # noqa: N815
    minimumTrainingRows: Rows  # noqa: N815


class MonitoringCriteria(Closed):
    """What makes a window of production count as drifted or degraded.

    ``relativeLossTolerance``: of the loss divided by the best constant's on the same rows.
    ``calibrationTolerance``: of the gap between what was said and what happened, in the unit of
    what is said.
    """

    confidence: Confidence
    block: Literal["day", "row"]
    populationStabilityIndex: Annotated[float, Field(gt=0, le=100)]  # noqa: N815
    driftedFeaturesToAlarm: Rows  # noqa: N815
    driftAlone: Literal["never", "whenQualityIsNotJudged", "always"] = "never"  # noqa: N815
    relativeLossTolerance: Annotated[float, Field(ge=0, le=100)]  # noqa: N815
    calibrationTolerance: Annotated[float, Field(ge=0)]  # noqa: N815
    minimumCaptured: Rows  # noqa: N815
    minimumLabelled: Rows  # noqa: N815
    minimumDays: Rows  # noqa: N815
    bins: Annotated[int, Field(ge=2, le=100)]


class TaskProperties(Closed):
    """Custom properties of the contract as a whole."""

    task: str
    gate: GateCriteria
    monitoring: MonitoringCriteria
