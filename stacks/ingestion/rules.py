"""Combinations of the delivery streams' settings that are refused."""

from __future__ import annotations

from config.rule import AWS, Rule

_CONVERSION = f"{AWS}firehose/latest/dev/record-format-conversion.html"

PARQUET_MEGABYTES = 64


RULES: tuple[Rule, ...] = (
    Rule("parquet-buffer", "ingestion.buffer_megabytes", ("ingestion.parquet",),
         lambda s: s.ingestion.parquet and s.ingestion.buffer_megabytes < PARQUET_MEGABYTES,
         f"allowed with Parquet conversion: {PARQUET_MEGABYTES} to 128", _CONVERSION),
    Rule("parquet-compression", "ingestion.compression", ("ingestion.parquet",),
         lambda s: s.ingestion.parquet and s.ingestion.compression != "none",
         "allowed with Parquet conversion: none, Parquet compresses its columns itself",
         _CONVERSION),
)  # fmt: skip
