"""CloudFormation types MiniStack lacks, or provisions with properties left out.

Each module lists its types; those that MiniStack provisions partly are wrapped, so that an upgrade
which adds the missing part only makes ours redundant.
"""

from __future__ import annotations

from local.emulator import waf_logs
from local.emulator.cfn_types import (
    api_gateway,
    backups,
    buckets,
    catalog,
    client_certificates,
    composite_alarm,
    dynamodb_tables,
    governance,
    identity,
    log_groups,
    messaging,
    network,
    web_acl,
)
from local.emulator.extensions import Tables


def attach(tables: Tables) -> None:
    """Register every type."""
    api_gateway.attach(tables)
    client_certificates.attach(tables)
    buckets.attach(tables)
    identity.attach(tables)
    messaging.attach(tables)
    log_groups.attach(tables)
    dynamodb_tables.attach(tables)
    web_acl.attach(tables)
    for module in (backups, network, governance, catalog, composite_alarm, waf_logs):
        for resource in module.types():
            tables.add_resource_type(resource)
    network.attach(tables)
