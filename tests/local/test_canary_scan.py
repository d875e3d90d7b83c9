"""The scanner is alive: it finds a planted value in every form, and nothing where there is none."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.avro.encoder import BinaryEncoder

from tests.support.canary_scan import Canary, UnreadableError, find

CANARY = Canary("ZQX7KV3WJ9")
RECORD = json.dumps({"flight": "A", "tail": CANARY.value, "more": "B"}).encode()


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.json", content)
    return file.getvalue()


def _tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("b.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _parquet(content: bytes) -> bytes:
    file = io.BytesIO()
    table = pa.table({"n": list(range(100)), "tail": [f"x{i}" for i in range(99)] + [str(content)]})
    pq.write_table(table, file, compression="snappy")
    return file.getvalue()


def _avro(content: bytes) -> bytes:
    """A container of one block with one record of bytes, as Iceberg packs its manifests."""
    file, sync = io.BytesIO(), b"s" * 16
    encoder = BinaryEncoder(file)
    file.write(b"Obj\x01")
    encoder.write_int(1)
    encoder.write_utf8("avro.codec")
    encoder.write_bytes(b"deflate")
    encoder.write_int(0)
    file.write(sync)
    encoder.write_int(1)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    encoder.write_bytes(packer.compress(content) + packer.flush())
    file.write(sync)
    return file.getvalue()


def _base64_at(offset: int) -> Callable[[bytes], bytes]:
    return lambda content: b'{"rawData": "' + base64.b64encode(b"#" * offset + content) + b'"}'


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "lower case": bytes.lower,
    "gzip": gzip.compress,
    "two gzip members": lambda content: gzip.compress(b"first") + gzip.compress(content),
    "zip": _zip,
    "tar.gz": _tar,
    "parquet": _parquet,
    "avro": _avro,
    "base64 at 0": _base64_at(0),
    "base64 at 1": _base64_at(1),
    "base64 at 2": _base64_at(2),
    "base64 of gzip": lambda content: b"log: " + base64.b64encode(gzip.compress(content)),
    "percent-encoded": lambda content: "".join(f"%{byte:02X}" for byte in content).encode(),
    "escaped": lambda content: "".join(f"\\u{byte:04x}" for byte in content).encode(),
    "hexadecimal": lambda content: content.hex().encode(),
    "UTF-16": lambda content: content.decode().encode("utf-16-le"),
    "parquet in zip": lambda content: _zip(_parquet(content)),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_planted_value_is_found(packing: str) -> None:
    assert find(CANARY, PACKINGS[packing](RECORD))


@pytest.mark.parametrize("packing", PACKINGS)
def test_nothing_is_found_where_there_is_none(packing: str) -> None:
    other = RECORD.replace(CANARY.value.encode(), b"N14228")
    assert not find(CANARY, PACKINGS[packing](other))


def test_a_digest_of_the_value_is_found() -> None:
    assert find(CANARY, hashlib.sha256(CANARY.value.encode()).hexdigest().encode())


def test_noise_does_not_alarm() -> None:
    assert not find(CANARY, random.Random(7).randbytes(1_000_000))


DAMAGED = {
    "gzip": gzip.compress(b"nothing here", mtime=0)[:-6],
    "zip": _zip(b"nothing here")[:-30],
    "parquet": b"PAR1??",
    "avro": _avro(b"nothing here")[:-20],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_cannot_be_opened_is_not_taken_for_clean(kind: str) -> None:
    with pytest.raises(UnreadableError):
        find(CANARY, DAMAGED[kind])
