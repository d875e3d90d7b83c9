"""Settings of the buckets' replicas."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.section import AccountId, RegionName, Section
from stacks.replication.forms import BUCKET_PREFIX, KEY_ARN

KeyArn = Annotated[str, Field(pattern=KEY_ARN)]


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
    bucket_prefix: str = Field(pattern=BUCKET_PREFIX)
    keys: ReplicaKeys
