"""Settings of the delivery streams."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Section


class Ingestion(Section):
    """Firehose delivery streams and their transform Lambda.

    No buffer of nothing, ``buffer_seconds: 0``: the backup of the source in S3 takes none.
    https://docs.aws.amazon.com/firehose/latest/dev/buffering-hints.html
    """

    buffer_megabytes: Annotated[int, Field(ge=1, le=128)] = 64
    buffer_seconds: Annotated[int, Field(ge=1, le=900)] = 300
    parquet: bool = True
    compression: Literal["none", "gzip"] = "none"
    transform_buffer_megabytes: Annotated[float, Field(ge=0.2, le=3)] = 1.0
    transform_buffer_seconds: Annotated[int, Field(ge=0, le=900)] = 60
    transform_memory_megabytes: Annotated[int, Field(ge=128, le=10240)] = 512
