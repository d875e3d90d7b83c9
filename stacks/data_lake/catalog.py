"""The Glue database, Firehose's Parquet tables and the births of the Iceberg tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from core import names
from stacks.data_lake.tables import Column, TableDefinition, table_definitions
from stacks.kit.base_stack import BaseStack

# Glue writes the first metadata file of such a table as who creates it.
BORN = glue.CfnTable.OpenTableFormatInputProperty(
    iceberg_input=glue.CfnTable.IcebergInputProperty(metadata_operation="CREATE", version="2")
)
PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


@dataclass(frozen=True, slots=True)
class LakeCatalogProps:
    """The contract, and the buckets that hold the tables."""

    contract: Mapping[str, Any]
    buckets: Mapping[str, s3.IBucket]
    """Buckets by zone."""


class LakeCatalog(Construct):
    """Database and tables; partitions are projected, so nothing has to register them."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: LakeCatalogProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._catalog_id = stack.account
        # People name the database in their queries, so it has a physical name.
        self.database_name = (
            f"{names.PRODUCT}_{stack.settings.instance}_{stack.settings.environment}"
        )
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=stack.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name,
                description=f"Contract {props.contract['name']} {props.contract['version']}",
            ),
        )
        self.tables = {
            definition.name: self._define_table(definition, props.buckets[definition.zone])
            for definition in table_definitions(props.contract)
        }

    def _define_table(self, definition: TableDefinition, bucket: s3.IBucket) -> glue.CfnTable:
        location = f"s3://{bucket.bucket_name}/{definition.prefix}"
        table = glue.CfnTable(
            self,
            f"{definition.name.title().replace('_', '')}Table",
            catalog_id=self._catalog_id,
            database_name=self.database_name,
            open_table_format_input=BORN if definition.iceberg else None,
            table_input=(_iceberg if definition.iceberg else _parquet)(definition, location),
        )
        table.add_resource_dependency(self.database)
        return table


def _iceberg(definition: TableDefinition, location: str) -> glue.CfnTable.TableInputProperty:
    """The birth of a table; it never changes, since an update by CloudFormation breaks it."""
    return glue.CfnTable.TableInputProperty(
        name=definition.name,
        table_type="EXTERNAL_TABLE",
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            columns=_columns(definition.columns), location=location.rstrip("/")
        ),
    )


def _parquet(definition: TableDefinition, location: str) -> glue.CfnTable.TableInputProperty:
    return glue.CfnTable.TableInputProperty(
        name=definition.name,
        table_type="EXTERNAL_TABLE",
        parameters=_parameters(definition, location),
        partition_keys=_columns(definition.partitions),
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            columns=_columns(definition.columns),
            location=location,
            input_format=PARQUET_INPUT,
            output_format=PARQUET_OUTPUT,
            serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=PARQUET_SERDE),
        ),
    )


def _columns(columns: tuple[Column, ...]) -> list[glue.CfnTable.ColumnProperty]:
    return [
        glue.CfnTable.ColumnProperty(
            name=column.name, type=column.glue_type, comment=column.comment or None
        )
        for column in columns
    ]


def _parameters(definition: TableDefinition, location: str) -> dict[str, str]:
    """Partition projection, so that a new date is queryable without a crawler.

    A range has to hold every date that there can be: of records those that the contract admits,
    wherever they lie, of arrivals those until now.
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
    """
    parameters = {"classification": "parquet", "EXTERNAL": "TRUE"}
    for partition in definition.partitions:
        parameters |= {
            "projection.enabled": "true",
            f"projection.{partition.name}.type": "date",
            f"projection.{partition.name}.format": "yyyy-MM-dd",
            f"projection.{partition.name}.interval": "1",
            f"projection.{partition.name}.interval.unit": "DAYS",
            f"projection.{partition.name}.range": ",".join(definition.dates),
            "storage.location.template": f"{location}{partition.name}=${{{partition.name}}}/",
        }
    return parameters
