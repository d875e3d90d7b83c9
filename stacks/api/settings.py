"""Settings of the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import PerSecond, Section


class Api(Section):
    """REST API in front of the endpoint.

    Two limits meet a caller: API Gateway throttles the stage (429, the caller tries again), and
    WAF blocks an address that goes on (403). Callers behind one NAT gateway are one address.
    """

    auth: Literal["iam", "cognito"] = "iam"
    requests_per_second: PerSecond = 50
    burst: PerSecond = 100
    requests_per_five_minutes_per_address: Annotated[int, Field(ge=10, le=2_000_000_000)] = 15_000
    body_kilobytes: Annotated[int, Field(ge=1, le=64)] = 64
    batch_records: Annotated[int, Field(ge=1, le=500)] = 100
