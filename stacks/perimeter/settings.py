"""Settings of the perimeter around the buckets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config import forms
from config.section import Section

RoleName = Annotated[str, Field(pattern=forms.ROLE)]


VpcEndpointId = Annotated[str, Field(pattern=forms.VPC_ENDPOINT)]


class Perimeter(Section):
    """Who may call S3 on the deployment's buckets from outside its network.

    Services, the deploying role and queries through Athena are let in by themselves; see
    ``stacks/kit/s3_perimeter.py``.
    """

    enabled: bool = True
    break_glass_roles: tuple[RoleName, ...] = ()
    landing_roles: tuple[RoleName, ...] = ()
    vpc_endpoints: tuple[VpcEndpointId, ...] = ()
