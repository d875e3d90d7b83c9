"""Tables of Iceberg in the Glue catalog for tests: their birth, and who may do what with them."""

from __future__ import annotations

import json
from typing import Any

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import allow, unique

BORN = {"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}}


class Catalog:
    """A database, and a bucket for its tables."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.glue = platform.client("glue")
        self.bucket = support.make_bucket(platform)
        self.database = unique("lake").replace("-", "_")
        self.glue.create_database(DatabaseInput={"Name": self.database})

    def request(self, name: str, **more: Any) -> dict[str, Any]:
        """What makes a table of one string column."""
        storage = {
            "Location": f"s3://{self.bucket}/{name}",
            "Columns": [{"Name": "record_id", "Type": "string"}],
        }
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
        return {
            "DatabaseName": self.database,
            "OpenTableFormatInput": BORN,
            "TableInput": table | more,
        }

    def table(self, name: str) -> dict[str, Any]:
        """The catalog's entry."""
        found: dict[str, Any] = self.glue.get_table(DatabaseName=self.database, Name=name)["Table"]
        return found

    def metadata(self, name: str) -> dict[str, Any]:
        """The metadata file that the entry names."""
        place = self.table(name)["Parameters"]["metadata_location"]
        key = place.removeprefix(f"s3://{self.bucket}/")
        found: dict[str, Any] = json.loads(support.read(self.platform, self.bucket, key))
        return found

    def objects(self, name: str) -> list[str]:
        """Keys of a table's objects."""
        return support.keys(self.platform, self.bucket, f"{name}/")

    def arns(self, table: str) -> list[str]:
        """What a call on a table is decided on."""
        assert self.platform.info is not None
        base = f"arn:aws:glue:{self.platform.region}:{self.platform.info.account}"
        return [
            f"{base}:catalog",
            f"{base}:database/{self.database}",
            f"{base}:table/{self.database}/{table}",
        ]

    def grants(self, table: str, *actions: str) -> list[dict[str, Any]]:
        """Statements with which a job reads and writes a table."""
        arn = f"arn:aws:s3:::{self.bucket}"
        objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        return [
            allow([f"glue:{one}" for one in actions], self.arns(table)),
            allow(objects, f"{arn}/{table}/*"),
            allow("s3:ListBucket", arn),
        ]
