"""Reads record identities out of the lake's objects, through S3 alone.

Nothing here trusts a counter: every object below a prefix is opened and what it holds is counted,
whatever wrote it. An object that did not change since it was last read is not fetched again.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.parquet as pq

from lambdas.shared.records import Identify, identifier

READERS = 4
GZIP_MAGIC = b"\x1f\x8b"
IGNORED_SUFFIXES = ("/", "_SUCCESS", "$folder$", ".crc")

Parse = Callable[[bytes], list[Any]]


class Lake:
    """Reads objects once per version: key and ETag decide whether it is known already.

    ``key`` is the derived key of the pseudonyms: ids of records without one come from it.
    """

    def __init__(self, s3: Any, key: bytes) -> None:
        self._s3 = s3
        self._key = key
        self._known: dict[tuple[str, str, str, str], list[Any]] = {}

    def line_ids(self, bucket: str, prefix: str, id_field: str) -> list[str]:
        """Id of every line of newline-separated original records (source backup, landing)."""
        identify = identifier(self._key, id_field)
        return self._read(
            bucket, prefix, f"lines {id_field}", lambda body: _line_ids(body, identify)
        )

    def envelope_ids(self, bucket: str, prefix: str, id_field: str) -> list[str]:
        """Id of every failed record in Firehose's error envelope (base64 ``rawData``)."""
        identify = identifier(self._key, id_field)
        return self._read(
            bucket, prefix, f"envelopes {id_field}", lambda body: _envelope_ids(body, identify)
        )

    def rows(self, bucket: str, prefix: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        """Rows of every Parquet object below a prefix, reduced to ``columns``."""
        return self._read(bucket, prefix, " ".join(columns), lambda body: _rows(body, columns))

    def document(self, bucket: str, key: str) -> dict[str, Any]:
        """One JSON object."""
        found: dict[str, Any] = json.loads(self.body(bucket, key))
        return found

    def keys(self, bucket: str, prefix: str) -> dict[str, str]:
        """ETags by key of the data objects below a prefix, without markers."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = {item["Key"]: item["ETag"] for p in pages for item in p.get("Contents", [])}
        return {k: tag for k, tag in sorted(found.items()) if not k.endswith(IGNORED_SUFFIXES)}

    def _read(self, bucket: str, prefix: str, what: str, parse: Parse) -> list[Any]:
        wanted = [(bucket, key, tag, what) for key, tag in self.keys(bucket, prefix).items()]
        missing = [name for name in wanted if name not in self._known]
        with ThreadPoolExecutor(READERS) as pool:
            bodies = pool.map(lambda name: self._fetch(name[0], name[1]), missing)
            for name, body in zip(missing, bodies, strict=True):
                self._known[name] = parse(body)
        return [value for name in wanted for value in self._known[name]]

    def body(self, bucket: str, key: str) -> bytes:
        """Content of one object as it is stored."""
        content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def _fetch(self, bucket: str, key: str) -> bytes:
        body = self.body(bucket, key)
        return gzip.decompress(body) if body.startswith(GZIP_MAGIC) else body


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


def _line_ids(body: bytes, identify: Identify) -> list[str]:
    return [identify(line) for line in _lines(body)]


def _envelope_ids(body: bytes, identify: Identify) -> list[str]:
    """A record that failed after the transform has its id in clear as well."""
    raws = (base64.b64decode(json.loads(line)["rawData"]) for line in _lines(body))
    return [identify(raw) for raw in raws]


def _rows(body: bytes, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    table = pq.ParquetFile(io.BytesIO(body)).read(columns=list(columns))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
