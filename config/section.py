"""A group of settings, and the kinds of value that several groups have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from config import forms

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, le=1_000_000_000)]
# Athena projects a date each (config/contract_rules.py), and no table has more.
Days = Annotated[int, Field(gt=0, le=3654)]
# An execution of Step Functions lasts a year at most.
Minutes = Annotated[int, Field(ge=0, le=365 * 24 * 60)]
# Of requests, or at the same time: ten times what AWS gives an account at first, and more.
PerSecond = Annotated[int, Field(gt=0, le=100_000)]
RegionName = Annotated[str, Field(pattern=forms.REGION)]
AccountId = Annotated[str, Field(pattern=forms.ACCOUNT)]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys, and .inf, which JSON does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
