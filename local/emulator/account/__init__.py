"""What an account has before anything is deployed into it: quotas, defaults, AWS's own things.

The preflight of ``make deploy`` asks about these. MiniStack has no Service Quotas and no Lake
Formation, makes up ids of AWS's prefix lists and names of service-linked roles, and knows only
the account's own container registry.
"""

from __future__ import annotations

from local.emulator.account import (
    gateway_role,
    lake_formation,
    linked_roles,
    prefix_lists,
    registries,
    service_quotas,
)
from local.emulator.extensions import Tables


def attach(tables: Tables) -> None:
    """Attach every part."""
    for part in (
        service_quotas, lake_formation, gateway_role, linked_roles, prefix_lists, registries,
    ):  # fmt: skip
        part.attach(tables)
