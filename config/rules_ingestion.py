"""Combinations of ingestion and Glue's jobs that are refused."""

from __future__ import annotations

from config.rule import AWS, Rule
from config.schedule import SCHEDULE_PAGE, SCHEDULES, is_bad_schedule

_BUFFERING = f"{AWS}firehose/latest/dev/buffering-hints.html"
_CONVERSION = f"{AWS}firehose/latest/dev/record-format-conversion.html"
_PARTITIONING = f"{AWS}firehose/latest/dev/dynamic-partitioning.html"
_FIREHOSE_SSE = f"{AWS}firehose/latest/dev/encryption.html"
_GLUE_JOBS = f"{AWS}glue/latest/dg/aws-glue-api-jobs-job.html"

PARQUET_MEGABYTES = 64
# Regions in which Glue has its large workers.
LARGE_WORKERS = {
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-2", "eu-west-1", "eu-west-2",
    "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}  # fmt: skip

INGESTION_RULES = (
    Rule("parquet-buffer", "ingestion.buffer_megabytes", ("ingestion.parquet",),
         lambda s: s.ingestion.parquet and s.ingestion.buffer_megabytes < PARQUET_MEGABYTES,
         f"allowed with Parquet conversion: {PARQUET_MEGABYTES} to 128", _CONVERSION),
    Rule("partitioning-buffer", "ingestion.buffer_megabytes", ("ingestion.dynamic_partitioning",),
         lambda s: s.ingestion.dynamic_partitioning
         and s.ingestion.buffer_megabytes < PARQUET_MEGABYTES,
         f"allowed with dynamic partitioning: {PARQUET_MEGABYTES} to 128", _BUFFERING),
    Rule("parquet-compression", "ingestion.compression", ("ingestion.parquet",),
         lambda s: s.ingestion.parquet and s.ingestion.compression != "none",
         "allowed with Parquet conversion: none, Parquet compresses its columns itself",
         _CONVERSION),
    Rule("partitioning-needs-buffering", "ingestion.buffer_seconds",
         ("ingestion.dynamic_partitioning",),
         lambda s: s.ingestion.dynamic_partitioning and s.ingestion.buffer_seconds == 0,
         "allowed with dynamic partitioning: 1 to 900, no zero buffering", _PARTITIONING),
    Rule("backup-needs-buffering", "ingestion.buffer_seconds", (),
         lambda s: s.ingestion.buffer_seconds == 0,
         "allowed: 1 to 900, the source backup in S3 takes no zero buffering", _BUFFERING),
    Rule("customer-key-direct-put", "ingestion.encryption", ("ingestion.source",),
         lambda s: s.ingestion.source == "kinesis" and s.ingestion.encryption == "customer_key",
         "allowed with source kinesis: stream, the Kinesis stream is encrypted instead",
         _FIREHOSE_SSE),
    Rule("kinesis-not-built", "ingestion.source", (),
         lambda s: s.ingestion.source == "kinesis",
         "allowed: direct_put; no stack makes a Kinesis stream yet, and a setting without effect "
         "is worse than one that is refused"),
    Rule("stream-encryption-needs-stream", "ingestion.encryption", ("ingestion.source",),
         lambda s: s.ingestion.source == "direct_put" and s.ingestion.encryption == "stream",
         "allowed with source direct_put: customer_key, there is no stream to encrypt",
         _FIREHOSE_SSE),
)  # fmt: skip

GLUE_RULES = (
    Rule("large-workers-region", "processing.worker_type", ("region",),
         lambda s: s.processing.worker_type == "G.4X" and s.region not in LARGE_WORKERS,
         "allowed in {settings.region}: G.1X or G.2X, Glue has no larger workers there",
         _GLUE_JOBS),
    Rule("curate-schedule", "processing.curate_schedule", (),
         lambda s: is_bad_schedule(s.processing.curate_schedule),
         SCHEDULES, SCHEDULE_PAGE),
)  # fmt: skip
