"""Table optimizers: what Glue refuses, and what a run does with the rights of its role."""

from __future__ import annotations

import time
from typing import Any
from urllib.error import HTTPError

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError, WaiterError

from local import iceberg_tables, optimizers
from local.platform import Platform
from tests.support import iceberg_writing, probe_stack
from tests.support import sagemaker as support
from tests.support.iceberg import Catalog
from tests.support.jobs import platform_role
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform

GLUE = "glue.amazonaws.com"
FILES = 6
LATER = 10 * 24 * 3600


class Kept:
    """A table that somebody keeps in order."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.platform, self.name = platform, name
        self.catalog = Catalog(platform)
        self.catalog.glue.create_table(**self.catalog.request(name))

    def role(self, *actions: str, objects: tuple[str, ...], service: str = GLUE) -> str:
        """A role with rights on the entry and on the objects."""
        bucket = f"arn:aws:s3:::{self.catalog.bucket}"
        statements = [
            allow([f"glue:{one}" for one in actions], self.catalog.arns(self.name)),
            allow([f"s3:{one}" for one in objects], f"{bucket}/{self.name}/*"),
            allow("s3:ListBucket", bucket),
            allow("logs:*", "arn:aws:logs:*:*:log-group:/aws-glue/iceberg-*"),
        ]
        return support.make_role(self.platform, service, statements)

    def named(self, kind: str) -> dict[str, str]:
        assert self.platform.info is not None
        return {
            "CatalogId": self.platform.info.account,
            "DatabaseName": self.catalog.database,
            "TableName": self.name,
            "Type": kind,
        }

    def create(self, kind: str, role: str, client: Any = None, **more: Any) -> None:
        settings = {"roleArn": role, "enabled": True, **more}
        (client or self.catalog.glue).create_table_optimizer(
            **self.named(kind), TableOptimizerConfiguration=settings
        )

    def run(self, kind: str, later: float = 0) -> dict[str, Any]:
        now = time.time() + later
        return optimizers.run(self.platform, self.catalog.database, self.name, kind, now)

    def rows(self) -> list[str]:
        read = iceberg_tables.read(self.platform.client, self.catalog.database, self.name)
        return sorted(read["record_id"].to_pylist())


WRITES = ("GetObject", "PutObject", "DeleteObject")
BY_COUNT = {"compactionConfiguration": {"icebergConfiguration": {"minInputFiles": 2}}}
KEEP_LAST = {"retentionConfiguration": {"icebergConfiguration": {"numberOfSnapshotsToRetain": 1}}}
STRAY = {"orphanFileDeletionConfiguration": {"icebergConfiguration": {}}}


@pytest.mark.proves("AWS::Glue::TableOptimizer")
def test_the_three_keep_a_table_in_order(platform: Platform) -> None:
    """Each with the rights that Glue's guide lists, and no row is another."""
    kept = Kept(platform, "kept")
    table = iceberg_writing.table(platform, kept.catalog.database, "kept")
    for number in range(FILES):
        table.append(pa.table({"record_id": [f"r{number}"]}))
    stray = support.put(platform, kept.catalog.bucket, "kept/data/stray.parquet", "nobody's")
    writer = kept.role("GetTable", "UpdateTable", objects=WRITES)
    reader = kept.role("GetTable", objects=("GetObject", "DeleteObject"))
    kept.create("compaction", writer, **BY_COUNT)
    kept.create("retention", writer, **KEEP_LAST)
    kept.create("orphan_file_deletion", reader, **STRAY)
    before = kept.rows()

    compacted = kept.run("compaction")
    assert compacted["eventType"] == "completed", compacted
    assert compacted["compactionMetrics"]["IcebergMetrics"]["NumberOfFilesCompacted"] == FILES
    expired = kept.run("retention", LATER)
    assert expired["eventType"] == "completed", expired
    assert expired["retentionMetrics"]["IcebergMetrics"]["NumberOfDataFilesDeleted"] == FILES
    assert len(kept.catalog.metadata("kept")["snapshots"]) == 1
    cleared = kept.run("orphan_file_deletion", LATER)
    assert cleared["eventType"] == "completed", cleared
    data = [key for key in kept.catalog.objects("kept") if "/data/" in key]
    assert stray.rpartition("/")[2] not in " ".join(data)
    assert len(data) == 1
    assert kept.rows() == before
    shown = kept.catalog.glue.get_table_optimizer(**kept.named("compaction"))["TableOptimizer"]
    assert shown["lastRun"]["eventType"] == "completed"
    groups = platform.client("logs").describe_log_groups(logGroupNamePrefix="/aws-glue/iceberg-")
    assert len(groups["logGroups"]) == len(optimizers.KINDS)


def _log(platform: Platform, kind: str) -> str:
    """What the latest run of a kind said."""
    logs, group = platform.client("logs"), {"logGroupName": f"/aws-glue/iceberg-{kind}/logs"}

    def found() -> str:
        events = logs.filter_log_events(**group, filterPattern='"not authorized"')["events"]
        return "\n".join(event["message"] for event in events)

    return support.wait_for(found)


def test_a_run_without_a_right_fails_and_changes_nothing(platform: Platform) -> None:
    kept = Kept(platform, "watched")
    table = iceberg_writing.table(platform, kept.catalog.database, "watched")
    for number in range(2):
        table.append(pa.table({"record_id": [f"r{number}"]}))
    kept.create("compaction", kept.role("GetTable", "UpdateTable", objects=("GetObject",)),
                **BY_COUNT)  # fmt: skip
    before = kept.catalog.table("watched")
    run = kept.run("compaction")
    assert run["eventType"] == "failed"
    assert "Failed to close current writer" in run["error"]
    assert "not authorized to perform: s3:PutObject" in _log(platform, "compaction")
    assert kept.catalog.table("watched") == before


def test_what_glue_refuses_is_refused(platform: Platform) -> None:
    kept = Kept(platform, "checked")
    role = kept.role("GetTable", objects=("GetObject",))
    stranger = kept.role("GetTable", objects=("GetObject",), service="ec2.amazonaws.com")
    blind = support.make_role(platform, GLUE, [allow("s3:ListAllMyBuckets")])
    for refused in (stranger, blind, role[:-1]):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            kept.create("compaction", refused)
    asker = platform.client(
        "glue", platform_role(platform, [allow("glue:*"), allow("iam:GetRole")])
    )
    with pytest.raises(ClientError, match=r"AccessDeniedException.*iam:PassRole"):
        kept.create("compaction", role, asker)
    with pytest.raises(ClientError, match=r"InvalidInput.*RetentionConfiguration is required"):
        kept.create("retention", role)
    kept.create("compaction", role)
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        kept.create("compaction", role)
    plain = {"Name": "plain", "StorageDescriptor": {"Location": "s3://a/b", "Columns": []}}
    kept.catalog.glue.create_table(DatabaseName=kept.catalog.database, TableInput=plain)
    kept.name = "plain"
    with pytest.raises(ClientError, match="none of Iceberg"):
        kept.create("compaction", role)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        kept.catalog.glue.get_table_optimizer(**kept.named("compaction"))


def test_one_that_is_switched_off_does_not_run(platform: Platform) -> None:
    kept = Kept(platform, "resting")
    role = kept.role("GetTable", objects=("GetObject",))
    kept.create("compaction", role)
    off = {"roleArn": role, "enabled": False}
    kept.catalog.glue.update_table_optimizer(
        **kept.named("compaction"), TableOptimizerConfiguration=off
    )
    with pytest.raises(HTTPError, match="400"):
        kept.run("compaction")
    kept.catalog.glue.delete_table_optimizer(**kept.named("compaction"))
    with pytest.raises(HTTPError, match="400"):
        kept.run("compaction")


def test_a_template_makes_one_of_a_table_that_is_there(platform: Platform) -> None:
    kept, stack = Kept(platform, "templated"), unique("optimizer")
    role = kept.role("GetTable", objects=("GetObject",))
    retention = {"IcebergConfiguration": {"SnapshotRetentionPeriodInDays": "7"}}
    settings = {"RoleArn": role, "Enabled": "true", "RetentionConfiguration": retention}
    properties: dict[str, Any] = kept.named("retention")
    properties |= {"TableOptimizerConfiguration": settings}
    resource = {"Type": "AWS::Glue::TableOptimizer", "Properties": properties}
    with probe_stack.deployed(platform, stack, {"Resources": {"Kept": resource}}):
        found = kept.catalog.glue.get_table_optimizer(**kept.named("retention"))
        told = found["TableOptimizer"]["configuration"]
        assert told["enabled"] is True
        days = told["retentionConfiguration"]["icebergConfiguration"]
        assert days == {"snapshotRetentionPeriodInDays": 7}
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        kept.catalog.glue.get_table_optimizer(**kept.named("retention"))
    absent = resource | {"Properties": properties | {"TableName": "absent"}}
    with pytest.raises(WaiterError):
        probe_stack.deploy(platform, unique("optimizer"), {"Resources": {"Kept": absent}})
