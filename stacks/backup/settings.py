"""Settings of the copies of the lease table."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.section import Section


class Backup(Section):
    """A daily copy of the table in a vault; ``days`` is how long each is kept."""

    days: Annotated[int, Field(gt=0, le=36_500)]
