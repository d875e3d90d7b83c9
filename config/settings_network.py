"""Typed settings of the network, the perimeter around the buckets, and their replicas."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from config import forms


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys, and .inf, which JSON does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


PrefixListId = Annotated[str, Field(pattern=forms.PREFIX_LIST)]


class PrefixLists(Section):
    """AWS's lists of the addresses of S3 and DynamoDB: one pair for each Region, in any account."""

    s3: PrefixListId
    dynamodb: PrefixListId

    @property
    def services(self) -> dict[str, str]:
        """Service by list."""
        return {self.s3: "s3", self.dynamodb: "dynamodb"}


class Network(Section):
    """The isolated VPC. AZ names are settings, never look-ups."""

    cidr: str = "10.20.0.0/16"
    availability_zones: tuple[str, ...] = Field(min_length=2, max_length=3)
    interface_endpoint_zones: Annotated[int, Field(ge=1, le=3)] = 1
    prefix_lists: PrefixLists | None = None
    """Tells S3 from DynamoDB in security groups; without it the route tables are what limits."""


RoleName = Annotated[str, Field(pattern=forms.ROLE)]
VpcEndpointId = Annotated[str, Field(pattern=forms.VPC_ENDPOINT)]


class Perimeter(Section):
    """Who may call S3 on the deployment's buckets from outside its network.

    Services, the deploying role and queries through Athena are let in by themselves; see
    ``stacks/perimeter/s3_perimeter.py``.
    """

    enabled: bool = True
    break_glass_roles: tuple[RoleName, ...] = ()
    landing_roles: tuple[RoleName, ...] = ()
    vpc_endpoints: tuple[VpcEndpointId, ...] = ()


KeyArn = Annotated[str, Field(pattern=forms.KEY_ARN)]
RegionName = Annotated[str, Field(pattern=forms.REGION)]
AccountId = Annotated[str, Field(pattern=forms.ACCOUNT)]


class ReplicaKeys(Section):
    """Keys that the replicas are encrypted under, by domain: who reads one reads no other."""

    raw: KeyArn
    data: KeyArn
    models: KeyArn
    logs: KeyArn


class Replication(Section):
    """Copies of every bucket in buckets of another Region, best of another account.

    The platform team brings them: ``<bucket_prefix>-<zone>`` for the six zones, ``access-logs`` and
    ``audit``. One bucket for all would mix keys of one name and put raw records under a key that
    readers of models use.
    """

    account: AccountId | None = None
    region: RegionName
    bucket_prefix: str = Field(pattern=forms.BUCKET_PREFIX)
    keys: ReplicaKeys
