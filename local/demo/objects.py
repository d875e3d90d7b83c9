"""Reads record identities out of the lake's objects and tables.

Nothing here trusts a counter: every object below a prefix is opened and what it holds is counted,
whatever wrote it, and of a table every row of its present snapshot. An object or a table that did
not change since it was last read is not fetched again.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.records import Identify, identifier
from glue_jobs import contents
from local import iceberg_tables
from local.iceberg_tables import ClientOf

READERS = 4
IGNORED_SUFFIXES = ("/", "_SUCCESS", "$folder$", ".crc")

Row = dict[str, Any]
# key, body -> what is counted
Parse = Callable[[str, bytes], list[Any]]


class Lake:
    """Reads once per version: an object's by key and ETag, a table's by its metadata's place.

    ``key`` is the derived key of the pseudonyms: ids of records without one come from it.
    """

    def __init__(self, client_of: ClientOf, key: bytes) -> None:
        self._client_of = client_of
        self._s3 = client_of("s3")
        self._key = key
        self._known: dict[tuple[str, str, str, str], list[Any]] = {}
        self._tables: dict[tuple[str, str, tuple[str, ...]], tuple[str, list[Row]]] = {}

    def line_ids(self, bucket: str, prefix: str, id_field: str) -> list[str]:
        """Id of every line of newline-separated original records (source backup, landing).

        A file that nobody can read is one record: its bytes.
        """
        identify = identifier(self._key, id_field)
        return self._read(
            bucket, prefix, f"lines {id_field}", lambda key, body: _line_ids(key, body, identify)
        )

    def envelope_ids(self, bucket: str, prefix: str, id_field: str) -> list[str]:
        """Id of every failed record in Firehose's error envelope (base64 ``rawData``)."""
        identify = identifier(self._key, id_field)
        return self._read(
            bucket, prefix, f"envelopes {id_field}", lambda _, body: _envelope_ids(body, identify)
        )

    def rows(self, bucket: str, prefix: str, columns: tuple[str, ...]) -> list[Row]:
        """Rows of every Parquet object below a prefix, reduced to ``columns``."""
        return self._read(bucket, prefix, " ".join(columns), lambda _, body: _rows(body, columns))

    def table(self, database: str, name: str, columns: tuple[str, ...]) -> list[Row]:
        """Rows of an Iceberg table as it is now, reduced to ``columns``; of a new one, none.

        A table has no column but its key before the first curate run.
        """
        place = iceberg_tables.place(self._client_of, database, name)
        wanted = (database, name, columns)
        read_at, found = self._tables.get(wanted, ("", []))
        if place != read_at:
            table = iceberg_tables.at(self._s3, place)
            empty = table.current_snapshot() is None
            found = [] if empty else iceberg_tables.rows(table, columns).to_pylist()
            self._tables[wanted] = (place, found)
        return found

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
            bodies = pool.map(lambda name: self.body(name[0], name[1]), missing)
            for name, body in zip(missing, bodies, strict=True):
                self._known[name] = parse(name[1], body)
        return [value for name in wanted for value in self._known[name]]

    def body(self, bucket: str, key: str) -> bytes:
        """Content of one object as it is stored."""
        content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


def _line_ids(key: str, body: bytes, identify: Identify) -> list[str]:
    if not body and contents.passed_over(key):
        return []
    try:
        return [identify(line) for line in contents.lines(body, key.rpartition("/")[2])]
    except contents.UnreadableError:
        return [identify(body)]


def _envelope_ids(body: bytes, identify: Identify) -> list[str]:
    """A record that failed after the transform has its id in clear as well."""
    raws = (base64.b64decode(json.loads(line)["rawData"]) for line in contents.lines(body))
    return [identify(raw) for raw in raws]


def _rows(body: bytes, columns: tuple[str, ...]) -> list[Row]:
    """A damaged file holds none: what was in it is missing from the count."""
    try:
        table = pq.ParquetFile(io.BytesIO(body)).read(columns=list(columns))
    except pa.ArrowInvalid:
        return []
    rows: list[Row] = table.to_pylist()
    return rows
