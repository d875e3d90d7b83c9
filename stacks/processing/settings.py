"""Settings of Glue's jobs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Section


class Processing(Section):
    """Glue Spark jobs."""

    worker_type: Literal["G.1X", "G.2X", "G.4X"] = "G.1X"
    workers: Annotated[int, Field(ge=2, le=299)] = 2
    timeout_minutes: Annotated[int, Field(ge=1, le=2880)] = 60
    correction_days: Annotated[int, Field(ge=0, le=3654)] = 45
    """How far apart two times of one record's id may lie and still be told for the same."""
    curate_schedule: str | None = "cron(15 * * * ? *)"
