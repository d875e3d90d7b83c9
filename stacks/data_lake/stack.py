"""The data lake: zones by who may read them, catalog, query work group."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_athena as athena
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config.load import Deployment
from core import names
from stacks.data_lake.catalog import LakeCatalog, LakeCatalogProps
from stacks.data_lake.outputs import Lake
from stacks.data_lake.producers import admit_file_producers, file_producers
from stacks.data_lake.readers import lake_readers
from stacks.kit.base_stack import BaseStack, scope_of
from stacks.kit.foundation import Foundation
from stacks.kit.zone_bucket import ZoneBucket, ZoneBucketProps
from stacks.security.break_glass import deny_originals

# Days that what can be made again stays, by zone and prefix.
SHORT_LIVED = {
    "curated": {names.CURATED_QUERY_RESULTS: 7},
    "monitoring": {names.MONITORING_OUTCOMES: 30},
}
QUERY_BYTES_LIMIT = 100 * 1024**3


@dataclass(frozen=True, slots=True)
class DataLakeProps:
    """What the lake stands on."""

    foundation: Foundation


class DataLakeStack(BaseStack):
    """Stateful: the records, features and models of a deployment."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: DataLakeProps) -> None:
        super().__init__(
            scope,
            "data-lake",
            deployment=deployment,
            description="Millrace: data lake zones, Glue catalog, Athena work group",
            stateful=True,
        )
        self._props = props
        self.zones = self._define_zones()
        file_producers(self, landing=self.zones["landing"], key=props.foundation.keys.raw)
        self.catalog = LakeCatalog(
            self,
            "Catalog",
            stack=self,
            props=LakeCatalogProps(contract=self.contract, buckets=self.zones),
        )
        self.outputs = Lake(
            **self.zones,
            database_name=self.catalog.database_name,
            tables=self.catalog.tables,
            work_group=self._define_work_group(),
            readers=lake_readers(
                self,
                zones=self.zones,
                keys=props.foundation.keys,
                models=[scope_of(model) for model in deployment.models],
                database=self.catalog.database_name,
            ),
        )

    def _define_zones(self) -> dict[str, s3.IBucket]:
        keys = self._props.foundation.keys
        retention = max(self.contract["retention_days"].values())
        return {
            "landing": self._zone("landing", keys.raw, retention, events=True),
            "raw": self._zone("raw", keys.raw, retention),
            # Iceberg says which of its files are no longer needed, and the curate job which rows.
            "curated": self._zone("curated", keys.data, None),
            "features": self._zone("features", keys.data, retention),
            "artifacts": self._zone("artifacts", keys.models, None),
            "monitoring": self._zone("monitoring", keys.models, retention),
        }

    def _zone(
        self, zone: str, key: kms.IKey, retention: int | None, *, events: bool = False
    ) -> s3.Bucket:
        props = ZoneBucketProps(
            zone=zone,
            key=key,
            access_logs=self._props.foundation.security.access_logs,
            settings=self.settings,
            expire_after_days=retention,
            events=events,
            endpoints=[self._props.foundation.network.storage_endpoint],
            producers=self.settings.perimeter.landing_roles if zone == "landing" else (),
            short_lived=SHORT_LIVED.get(zone, {}),
        )
        bucket = ZoneBucket(self, zone.capitalize(), props=props).bucket
        if zone == "raw":
            deny_originals(bucket, self)
        if props.producers:
            admit_file_producers(bucket, self)
        return bucket

    def _define_work_group(self) -> str:
        curated = self.zones["curated"]
        group = athena.CfnWorkGroup(
            self,
            "Queries",
            # People choose it by name in the console.
            name=self.names.stack_prefix.lower(),
            description="Queries on the curated tables; results are encrypted and short-lived",
            recursive_delete_option=self.settings.retention.allow_data_deletion,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=QUERY_BYTES_LIMIT,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=(f"s3://{curated.bucket_name}/{names.CURATED_QUERY_RESULTS}"),
                    encryption_configuration=(
                        athena.CfnWorkGroup.EncryptionConfigurationProperty(
                            encryption_option="SSE_KMS",
                            kms_key=self._props.foundation.keys.data.key_arn,
                        )
                    ),
                ),
            ),
        )
        return group.name
