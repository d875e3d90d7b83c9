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


CATALOG = "lake"
_ICEBERG = "org.apache.iceberg"
CONF = " --conf ".join(
    [
        f"spark.sql.extensions={_ICEBERG}.spark.extensions.IcebergSparkSessionExtensions",
        f"spark.sql.catalog.{CATALOG}={_ICEBERG}.spark.SparkCatalog",
        f"spark.sql.catalog.{CATALOG}.catalog-impl={_ICEBERG}.aws.glue.GlueCatalog",
        f"spark.sql.catalog.{CATALOG}.io-impl={_ICEBERG}.aws.s3.S3FileIO",
    ]
)
FORMATS = {"--conf": CONF, "--datalake-formats": "iceberg"}
# What a job of the lake does to a table; each act prints what it found.
SCRIPT = """
import argparse, json, time
from pyspark.sql import SparkSession
parser = argparse.ArgumentParser()
for name in ("table", "acts", "ready"):
    parser.add_argument("--" + name)
known, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
name = "lake." + known.table
def raised():
    spark.sql(f"ALTER TABLE {name} ADD COLUMNS (t timestamp, amount double)")
    spark.sql(f"ALTER TABLE {name} ADD PARTITION FIELD days(t)")
    spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('write.merge.mode' = 'merge-on-read',"
              " 'commit.retry.num-retries' = '20')")
def merged(first, last, amount):
    spark.sql(f'''MERGE INTO {name} x USING (
        SELECT concat('r', id) record_id, timestamp_seconds(id * 40000) t,
               CAST({amount} AS DOUBLE) amount
        FROM range({first}, {last})) n ON x.record_id = n.record_id
        WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *''')
def appended(first, last):
    spark.sql(f"INSERT INTO {name} SELECT concat('r', id), timestamp_seconds(id * 40000), 0D"
              f" FROM range({first}, {last})")
def counted(snapshot=None):
    at = f" VERSION AS OF {snapshot}" if snapshot else ""
    row = spark.sql(f"SELECT count(*), sum(amount) FROM {name}{at}").first()
    return list(row)
def snapshots():
    rows = spark.sql(f"SELECT snapshot_id, operation FROM {name}.snapshots ORDER BY committed_at")
    return [list(row) for row in rows.collect()]
def waited():
    import boto3
    bucket, key, mark = known.ready.split(",")
    client = boto3.client("s3")
    client.put_object(Bucket=bucket, Key=f"{key}/{mark}", Body=b"")
    while client.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] < 2:
        time.sleep(0.1)
told = [eval(act) for act in known.acts.split(";")]
print("told", json.dumps(told))
"""
