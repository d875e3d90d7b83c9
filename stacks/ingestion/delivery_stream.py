"""A Firehose delivery stream: validated, pseudonymised Parquet by day of arrival, nothing lost.

Originals go to the source backup, what fails goes to an error prefix. Both lie in the raw zone
with the Parquet itself: a stream has one destination bucket and key (docs/adr/0023).
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from core import names
from stacks.data_lake.outputs import Lake
from stacks.ingestion.settings import Ingestion
from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Foundation
from stacks.kit.grants import BY_PREFIX, through
from stacks.kit.log_group import encrypted_log_group
from stacks.kit.platform_function import PlatformFunction
from stacks.kit.service_role import ServiceRole, ServiceRoleProps

ROLE_PAGE = "https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"
TRANSFORM_RETRIES = 3
# In UTC, of the oldest record of an object. One written late, after retries, lies under that day
# still, and holds records of the day after where midnight fell into its buffer.
# https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
DAY = "!{timestamp:yyyy-MM-dd}"
STREAM_TABLES = {
    names.EVENTS: names.TABLE_EVENTS_STREAM,
    names.LABELS: names.TABLE_LABELS_STREAM,
}

_S3 = firehose.CfnDeliveryStream


@dataclass(frozen=True, slots=True)
class RecordDeliveryProps:
    """One stream of records."""

    stream: str
    """``events`` or ``labels``."""
    foundation: Foundation
    lake: Lake
    transform: PlatformFunction


class RecordDelivery(Construct):
    """Delivery stream, its role and its log group."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stack: BaseStack, props: RecordDeliveryProps
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = stack
        self._props = props
        self._settings: Ingestion = stack.settings.ingestion
        self.log_group = encrypted_log_group(
            self, "Logs", settings=stack.settings, key=props.foundation.keys.logs
        )
        self.role = self._define_role()
        self.stream = self._define_stream()
        self.stream.node.add_dependency(self.role.policy)

    @property
    def stream_name(self) -> str:
        """Generated name of the delivery stream."""
        return self.stream.ref

    @property
    def stream_arn(self) -> str:
        """ARN of the delivery stream."""
        return self.stream.attr_arn

    def _define_role(self) -> ServiceRole:
        role = ServiceRole(
            self,
            "Delivery",
            props=ServiceRoleProps(
                service="firehose.amazonaws.com",
                description=f"Delivers {self._props.stream} into the raw zone",
                path=self._stack.names.service_role_path,
                boundary=self._props.foundation.security.boundary,
                # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
                conditions={"StringEquals": {"sts:ExternalId": self._stack.account}},
            ),
        )
        self._allow_objects(role)
        self._allow_schema(role)
        function = self._props.transform.function.function_arn
        role.allow(
            ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
            [function, f"{function}:$LATEST"],
        )
        role.allow(["logs:PutLogEvents"], [f"{self.log_group.log_group_arn}"])
        return role

    def _allow_objects(self, role: ServiceRole) -> None:
        """What Firehose's guide lists for an S3 destination, on this stream's prefixes only."""
        raw, key = self._props.lake.raw, self._props.foundation.keys.raw
        role.allow(
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            [raw.bucket_arn],
        )
        objects = [
            raw.arn_for_objects(f"{places[self._props.stream]}*")
            for places in (names.RAW_STREAM, names.RAW_ERRORS, names.RAW_BACKUP)
        ]
        actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        role.allow(actions, objects, reason=BY_PREFIX)
        context = {"kms:EncryptionContext:aws:s3:arn": raw.bucket_arn}
        role.allow(
            ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn], through(role, "s3", context)
        )

    def _allow_schema(self, role: ServiceRole) -> None:
        lake, stack = self._props.lake, self._stack
        table = f"{lake.database_name}/{STREAM_TABLES[self._props.stream]}"
        role.allow(
            ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"],
            [
                stack.arn("glue", "catalog"),
                stack.arn("glue", f"database/{lake.database_name}"),
                stack.arn("glue", f"table/{table}"),
            ],
        )

    def _define_stream(self) -> firehose.CfnDeliveryStream:
        key = self._props.foundation.keys.raw
        return firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                _S3.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="CUSTOMER_MANAGED_CMK", key_arn=key.key_arn
                )
            ),
            extended_s3_destination_configuration=self._destination(),
        )

    def _destination(self) -> firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty:
        settings, stream = self._settings, self._props.stream
        return _S3.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=self._props.lake.raw.bucket_arn,
            role_arn=self.role.role.role_arn,
            prefix=f"{names.RAW_STREAM[stream]}{names.ARRIVED}={DAY}/",
            error_output_prefix=f"{names.RAW_ERRORS[stream]}!{{firehose:error-output-type}}/{DAY}/",
            buffering_hints=self._buffering(),
            # With Parquet the column format compresses; the object itself must not be.
            compression_format="GZIP" if settings.compression == "gzip" else "UNCOMPRESSED",
            encryption_configuration=self._encryption(),
            cloud_watch_logging_options=self._logging("Destination"),
            processing_configuration=self._processing(),
            data_format_conversion_configuration=self._conversion() if settings.parquet else None,
            s3_backup_mode="Enabled",
            s3_backup_configuration=_S3.S3DestinationConfigurationProperty(
                bucket_arn=self._props.lake.raw.bucket_arn,
                role_arn=self.role.role.role_arn,
                prefix=names.RAW_BACKUP[stream],
                buffering_hints=self._buffering(),
                compression_format="UNCOMPRESSED",
                encryption_configuration=self._encryption(),
                cloud_watch_logging_options=self._logging("Backup"),
            ),
        )

    def _buffering(self) -> firehose.CfnDeliveryStream.BufferingHintsProperty:
        return _S3.BufferingHintsProperty(
            interval_in_seconds=self._settings.buffer_seconds,
            size_in_m_bs=self._settings.buffer_megabytes,
        )

    def _encryption(self) -> firehose.CfnDeliveryStream.EncryptionConfigurationProperty:
        return _S3.EncryptionConfigurationProperty(
            kms_encryption_config=_S3.KMSEncryptionConfigProperty(
                awskms_key_arn=self._props.foundation.keys.raw.key_arn
            )
        )

    def _logging(self, what: str) -> firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty:
        stream = logs.CfnLogStream(self, f"{what}Log", log_group_name=self.log_group.log_group_name)
        return _S3.CloudWatchLoggingOptionsProperty(
            enabled=True,
            log_group_name=self.log_group.log_group_name,
            log_stream_name=stream.ref,
        )

    def _processing(self) -> firehose.CfnDeliveryStream.ProcessingConfigurationProperty:
        settings = self._settings
        parameters = {
            "LambdaArn": self._props.transform.function.function_arn,
            "NumberOfRetries": str(TRANSFORM_RETRIES),
            "BufferSizeInMBs": f"{settings.transform_buffer_megabytes:g}",
            "BufferIntervalInSeconds": str(settings.transform_buffer_seconds),
            "RoleArn": self.role.role.role_arn,
        }
        return _S3.ProcessingConfigurationProperty(
            enabled=True,
            processors=[
                _S3.ProcessorProperty(
                    type="Lambda",
                    parameters=[
                        _S3.ProcessorParameterProperty(parameter_name=name, parameter_value=value)
                        for name, value in parameters.items()
                    ],
                )
            ],
        )

    def _conversion(self) -> firehose.CfnDeliveryStream.DataFormatConversionConfigurationProperty:
        return _S3.DataFormatConversionConfigurationProperty(
            enabled=True,
            input_format_configuration=_S3.InputFormatConfigurationProperty(
                deserializer=_S3.DeserializerProperty(
                    open_x_json_ser_de=_S3.OpenXJsonSerDeProperty()
                )
            ),
            output_format_configuration=_S3.OutputFormatConfigurationProperty(
                serializer=_S3.SerializerProperty(
                    parquet_ser_de=_S3.ParquetSerDeProperty(compression="SNAPPY")
                )
            ),
            schema_configuration=_S3.SchemaConfigurationProperty(
                catalog_id=self._stack.account,
                database_name=self._props.lake.database_name,
                table_name=STREAM_TABLES[self._props.stream],
                region=self._stack.region,
                role_arn=self.role.role.role_arn,
                version_id="LATEST",
            ),
        )
