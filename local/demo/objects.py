"""Reads record identities out of the lake's objects, through S3 alone.

Nothing here trusts a counter: each function opens every object below a prefix and counts what it
finds, whatever wrote it.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.parquet as pq

from lambdas.shared.records import record_id

READERS = 4
GZIP_MAGIC = b"\x1f\x8b"
IGNORED_SUFFIXES = ("/", "_SUCCESS", "$folder$", ".crc")


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Keys of the data objects below a prefix, without folder markers and commit markers."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = (item["Key"] for page in pages for item in page.get("Contents", []))
    return sorted(key for key in found if not key.endswith(IGNORED_SUFFIXES))


def bodies(s3: Any, bucket: str, prefix: str) -> Iterator[bytes]:
    """Contents of every object below a prefix, decompressed, in the order of their keys."""

    def fetch(key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return gzip.decompress(body) if body.startswith(GZIP_MAGIC) else body

    with ThreadPoolExecutor(READERS) as pool:
        yield from pool.map(fetch, keys(s3, bucket, prefix))


def _per_line(
    s3: Any, bucket: str, prefix: str, raw_of: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    for body in bodies(s3, bucket, prefix):
        yield from (raw_of(line) for line in body.split(b"\n") if line.strip())


def _from_envelope(line: bytes) -> bytes:
    return base64.b64decode(json.loads(line)["rawData"])


def line_ids(s3: Any, bucket: str, prefix: str, id_field: str) -> list[str]:
    """Id of every line of newline-separated original records (source backup, landing)."""
    lines = _per_line(s3, bucket, prefix, lambda line: line)
    return [record_id(line, id_field) for line in lines]


def envelope_ids(s3: Any, bucket: str, prefix: str, id_field: str) -> list[str]:
    """Id of every failed record in Firehose's error envelope (base64 ``rawData``)."""
    lines = _per_line(s3, bucket, prefix, _from_envelope)
    return [record_id(line.rstrip(b"\n"), id_field) for line in lines]


def table_rows(
    s3: Any, bucket: str, prefix: str, columns: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Rows of every Parquet object below a prefix, reduced to ``columns``."""
    wanted = list(columns)
    for body in bodies(s3, bucket, prefix):
        yield from pq.ParquetFile(io.BytesIO(body)).read(columns=wanted).to_pylist()
