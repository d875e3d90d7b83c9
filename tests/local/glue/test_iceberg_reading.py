"""Tables of Iceberg without Spark: what the reader refuses, and as whom it reads."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local import iceberg_tables
from local.platform import Platform
from tests.support.iceberg import Catalog
from tests.support.jobs import platform_role
from tests.support.sagemaker import allow

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def catalog(platform: Platform) -> Catalog:
    found = Catalog(platform)
    found.glue.create_table(**found.request("new"))
    return found


def test_a_new_table_has_columns_and_no_rows(catalog: Catalog) -> None:
    rows = iceberg_tables.read(catalog.platform.client, catalog.database, "new")
    assert (rows.column_names, rows.num_rows) == (["record_id"], 0)


def test_what_is_not_there_is_named(catalog: Catalog) -> None:
    client_of, database = catalog.platform.client, catalog.database
    with pytest.raises(ValueError, match="no snapshot 7"):
        iceberg_tables.read(client_of, database, "new", snapshot=7)
    with pytest.raises(ValueError, match="nobody"):
        iceberg_tables.read(client_of, database, "new", ["nobody"])
    table = {"Name": "plain", "Parameters": {"classification": "parquet"}}
    catalog.glue.create_table(DatabaseName=database, TableInput=table)
    with pytest.raises(ValueError, match="plain is no table of Iceberg"):
        iceberg_tables.read(client_of, database, "plain")
    catalog.glue.create_table(**catalog.request("gone"))
    [key] = catalog.objects("gone")
    catalog.platform.client("s3").delete_object(Bucket=catalog.bucket, Key=key)
    with pytest.raises(FileNotFoundError, match="gone/metadata"):
        iceberg_tables.read(client_of, database, "gone")


def test_it_reads_as_its_caller(platform: Platform, catalog: Catalog) -> None:
    entry = allow("glue:GetTable", catalog.arns("new"))
    stranger = platform_role(platform, [allow("s3:ListAllMyBuckets")])
    with pytest.raises(ClientError, match="AccessDenied"):
        iceberg_tables.read(lambda s: platform.client(s, stranger), catalog.database, "new")
    half = platform_role(platform, [entry])
    with pytest.raises(PermissionError, match="new/metadata"):
        iceberg_tables.read(lambda s: platform.client(s, half), catalog.database, "new")
    objects = allow("s3:GetObject", f"arn:aws:s3:::{catalog.bucket}/new/*")
    reader = platform_role(platform, [entry, objects])
    rows = iceberg_tables.read(lambda s: platform.client(s, reader), catalog.database, "new")
    assert rows.num_rows == 0
