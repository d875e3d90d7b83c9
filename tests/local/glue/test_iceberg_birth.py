"""Tables of Iceberg as CreateTable and CloudFormation make them, without any Spark."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from pyiceberg.table.metadata import TableMetadataUtil

from local.platform import Platform
from tests.support import probe_stack
from tests.support import sagemaker as support
from tests.support.iceberg import BORN, Catalog
from tests.support.jobs import platform_role
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def catalog(platform: Platform) -> Catalog:
    return Catalog(platform)


def test_the_catalog_gives_birth_to_a_table(catalog: Catalog) -> None:
    name = "born"
    columns = [
        {"Name": "record_id", "Type": "string", "Comment": "whose"},
        {"Name": "tags", "Type": "map<string,array<int>>"},
    ]
    storage = {"Location": f"s3://{catalog.bucket}/{name}/", "Columns": columns}
    catalog.glue.create_table(**catalog.request(name, StorageDescriptor=storage))
    parameters = catalog.table(name)["Parameters"]
    assert parameters["table_type"] == "ICEBERG"
    [key] = catalog.objects(name)
    assert parameters["metadata_location"] == f"s3://{catalog.bucket}/{key}"
    assert key.startswith(f"{name}/metadata/00000-")
    assert key.endswith(".metadata.json")
    metadata = TableMetadataUtil.parse_obj(catalog.metadata(name))
    assert (metadata.format_version, metadata.location) == (2, f"s3://{catalog.bucket}/{name}")
    assert str(metadata.schema().find_type("tags")) == "map<string, list<int>>"
    assert metadata.schema().find_field("record_id").doc == "whose"
    assert metadata.current_snapshot() is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"TableType": "VIRTUAL_VIEW"}, "has to be EXTERNAL_TABLE"),
        ({"StorageDescriptor": {"Columns": []}}, "Location information cannot be null"),
        ({"PartitionKeys": [{"Name": "day", "Type": "date"}]}, "Cannot create partitions"),
    ],
)
def test_the_api_refuses_what_templates_are_refused(
    catalog: Catalog, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(ClientError, match=f"InvalidInputException.*{says}"):
        catalog.glue.create_table(**catalog.request("misshapen", **change))
    assert catalog.objects("misshapen") == []


def test_a_bucket_that_is_not_there_makes_no_table(catalog: Catalog) -> None:
    nowhere = {"Location": f"s3://{unique('absent')}/t", "Columns": []}
    with pytest.raises(ClientError, match="NoSuchBucket"):
        catalog.glue.create_table(**catalog.request("nowhere", StorageDescriptor=nowhere))
    with pytest.raises(ClientError, match="EntityNotFound"):
        catalog.table("nowhere")


def test_who_may_not_write_the_metadata_makes_no_table(
    platform: Platform, catalog: Catalog
) -> None:
    bucket = support.make_bucket(platform)
    key = platform.client("kms").create_key()["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    platform.client("s3").put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    storage = {"Location": f"s3://{bucket}/mine", "Columns": []}
    request = catalog.request("mine", StorageDescriptor=storage)
    statements = [allow("glue:CreateTable", catalog.arns("mine"))]
    lacking = [
        ("s3:PutObject", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/mine/*")),
        ("kms:GenerateDataKey", allow("kms:GenerateDataKey", key)),
    ]
    for action, grant in lacking:
        caller = platform.client("glue", platform_role(platform, statements))
        with pytest.raises(ClientError, match=f"AccessDeniedException.*{action}"):
            caller.create_table(**request)
        assert support.keys(platform, bucket, "") == []
        statements.append(grant)
    platform.client("glue", platform_role(platform, statements)).create_table(**request)
    assert len(support.keys(platform, bucket, "mine/metadata/")) == 1


def test_a_table_is_granted_with_what_is_above_it(platform: Platform, catalog: Catalog) -> None:
    catalog.glue.create_table(**catalog.request("granted"))
    place = {"DatabaseName": catalog.database, "Name": "granted"}
    arns = catalog.arns("granted")
    for left_out in arns:
        rest = [arn for arn in arns if arn != left_out]
        caller = platform.client("glue", platform_role(platform, [allow("glue:GetTable", rest)]))
        with pytest.raises(ClientError, match="AccessDeniedException"):
            caller.get_table(**place)
    caller = platform.client("glue", platform_role(platform, [allow("glue:GetTable", arns)]))
    assert caller.get_table(**place)["Table"]["Name"] == "granted"
    with pytest.raises(ClientError, match="AccessDeniedException"):
        caller.get_table(**place | {"Name": "born"})


def test_an_update_replaces_the_definition(catalog: Catalog) -> None:
    catalog.glue.create_table(**catalog.request("replaced", Description="as it was"))
    table = catalog.table("replaced")
    kept = {"Name": "replaced", "Parameters": table["Parameters"]}
    catalog.glue.update_table(
        DatabaseName=catalog.database,
        TableInput=kept | {"StorageDescriptor": table["StorageDescriptor"]},
        VersionId=table["VersionId"],
        SkipArchive=True,
    )
    assert catalog.table("replaced")["Description"] == ""
    assert catalog.table("replaced")["Parameters"] == table["Parameters"]
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        catalog.glue.update_table(
            DatabaseName=catalog.database, TableInput=kept, VersionId=table["VersionId"]
        )
    catalog.glue.update_table(DatabaseName=catalog.database, TableInput={"Name": "replaced"})
    assert catalog.table("replaced")["Parameters"] == {}


def test_glue_s_own_commits_are_not_served(catalog: Catalog) -> None:
    """An API of 2025, by which Glue itself writes the next metadata; nothing here uses it."""
    catalog.glue.create_table(**catalog.request("kept"))
    place = {"DatabaseName": catalog.database, "Name": "kept"}
    updates = [{"Schema": {"Fields": []}, "Location": f"s3://{catalog.bucket}/kept"}]
    asked = {"UpdateIcebergInput": {"UpdateIcebergTableInput": {"Updates": updates}}}
    before = catalog.table("kept")
    with pytest.raises(ClientError, match="not served by the local platform"):
        catalog.glue.update_table(**place, UpdateOpenTableFormatInput=asked)
    assert catalog.table("kept") == before


def test_of_two_writers_at_once_one_is_refused(catalog: Catalog) -> None:
    """So that a counter which several raise misses nothing."""
    catalog.glue.create_table(**catalog.request("counted", Parameters={"n": "0"}))

    def raise_once() -> None:
        while True:
            table = catalog.table("counted")
            parameters = table["Parameters"] | {"n": str(int(table["Parameters"]["n"]) + 1)}
            with contextlib.suppress(ClientError):
                catalog.glue.update_table(
                    DatabaseName=catalog.database,
                    TableInput={"Name": "counted", "Parameters": parameters},
                    VersionId=table["VersionId"],
                )
                return

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(raise_once) for _ in range(24)]:
            done.result()
    assert catalog.table("counted")["Parameters"]["n"] == "24"


def test_an_entry_goes_and_its_objects_stay(platform: Platform) -> None:
    catalog = Catalog(platform)
    for name in ("first", "second"):
        catalog.glue.create_table(**catalog.request(name))
    catalog.glue.delete_table(DatabaseName=catalog.database, Name="first")
    [before] = catalog.objects("first")
    catalog.glue.create_table(**catalog.request("first"))
    assert len(catalog.objects("first")) == 2
    assert before not in catalog.table("first")["Parameters"]["metadata_location"]
    catalog.glue.delete_database(Name=catalog.database)
    catalog.glue.create_database(DatabaseInput={"Name": catalog.database})
    assert catalog.glue.get_tables(DatabaseName=catalog.database)["TableList"] == []
    assert len(catalog.objects("second")) == 1


def _template(catalog: Catalog, name: str, **change: Any) -> dict[str, Any]:
    named = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseName": catalog.database}
    table = catalog.request(name, **change)["TableInput"]
    properties = named | {"OpenTableFormatInput": BORN, "TableInput": table}
    return {"Resources": {"Table": {"Type": "AWS::Glue::Table", "Properties": properties}}}


@pytest.mark.proves("AWS::Glue::Table")
def test_a_template_gives_birth_and_never_updates(platform: Platform, catalog: Catalog) -> None:
    stack = unique("iceberg")
    with probe_stack.deployed(platform, stack, _template(catalog, "templated")):
        born = catalog.table("templated")["Parameters"]
        assert catalog.metadata("templated")["format-version"] == 2
        with pytest.raises(WaiterError):
            changed = _template(catalog, "templated", Description="changed")
            probe_stack.deploy(platform, stack, changed)
        assert "Leave the definition as it was" in probe_stack.failure_reasons(platform, stack)[0]
        assert catalog.table("templated")["Parameters"] == born
    assert support.error_code(lambda: catalog.table("templated")) == "EntityNotFoundException"
    assert len(catalog.objects("templated")) == 1


@pytest.mark.proves("AWS::Glue::Table")
def test_a_stack_s_role_writes_the_metadata(platform: Platform, catalog: Catalog) -> None:
    """As CloudFormation's role, not as who deploys."""
    client = platform.client("cloudformation")
    objects = allow("s3:PutObject", f"arn:aws:s3:::{catalog.bucket}/by_role/*")
    reasons = []
    for statements in ([allow("glue:*")], [allow("glue:*"), objects]):
        role = support.make_role(platform, "cloudformation.amazonaws.com", statements)
        stack = unique("iceberg")
        body = json.dumps(_template(catalog, "by_role"))
        client.create_stack(StackName=stack, RoleARN=role, TemplateBody=body)
        support.wait_for(lambda stack=stack: _ended(client, stack))
        reasons.append(" ".join(probe_stack.failure_reasons(platform, stack)))
    assert "is not authorized to perform: s3:PutObject" in reasons[0]
    assert reasons[1] == ""
    assert len(catalog.objects("by_role")) == 1


def _ended(client: Any, stack: str) -> bool:
    status = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return not str(status).endswith("IN_PROGRESS")
