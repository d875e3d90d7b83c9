"""Combinations of the delivery streams' settings that are refused."""

from __future__ import annotations

from config.rule import AWS, Rule

_BUFFERING = f"{AWS}firehose/latest/dev/buffering-hints.html"

_CONVERSION = f"{AWS}firehose/latest/dev/record-format-conversion.html"

_PARTITIONING = f"{AWS}firehose/latest/dev/dynamic-partitioning.html"

_FIREHOSE_SSE = f"{AWS}firehose/latest/dev/encryption.html"

PARQUET_MEGABYTES = 64


RULES: tuple[Rule, ...] = (
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
