"""Settings of the isolated network."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config import forms
from config.section import Section

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
