"""Looks for a value in bytes, however it is written or packed, and in everything a platform keeps.

``find`` opens gzip, zip, tar, Parquet and Avro, and Base64 of these, and knows a value in any case,
in Base64 at any offset, percent- and backslash-encoded, in UTF-16, in hexadecimal, and as an
unkeyed digest, which anybody could make of a guessed value.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.avro.decoder import StreamingBinaryDecoder

GZIP, ZIP, PARQUET, AVRO = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"Obj\x01"
DEPTH = 4
_AVRO_SYNC = 16
# Shorter texts hold no packed content; their Base64 is searched for as it stands.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{32,}={0,2}")
_PACKED_BASE64 = (b"H4sI", b"UEsDB", b"UEFSM")


class UnreadableError(ValueError):
    """Bytes say that they are packed and cannot be opened: what they hold is not known."""


@dataclass(frozen=True)
class Canary:
    """A value of upper-case letters and digits that stands nowhere else."""

    value: str

    @cached_property
    def exact(self) -> tuple[bytes, ...]:
        """Forms whose case matters: Base64 at the three offsets, without the unsure ends."""
        found = []
        for offset in range(3):
            raw = b"\0" * offset + self.value.encode()
            text = base64.b64encode(raw).decode()
            start = (0, 2, 3)[offset]
            keep = len(raw) * 8 // 6 - start
            found.append(text[start : start + keep].encode())
        return tuple(found)

    @cached_property
    def caseless(self) -> tuple[bytes, ...]:
        """Forms in lower case."""
        raw = self.value.encode()
        spellings = {raw, raw.lower()}
        digests = {
            hashlib.new(name, spelling, usedforsecurity=False).hexdigest()
            for name in ("md5", "sha1", "sha256")
            for spelling in spellings
        }
        written = {
            self.value,
            "".join(f"%{byte:02x}" for byte in raw),
            "".join(f"\\u{byte:04x}" for byte in raw),
            *(spelling.hex() for spelling in spellings),
            *digests,
        }
        wide = {spelling.decode().encode("utf-16-le") for spelling in spellings}
        return tuple({word.lower().encode() for word in written} | wide)

    def stands_in(self, content: bytes) -> bool:
        """Whether any form stands in bytes as they are."""
        if any(form in content for form in self.exact):
            return True
        lower = content.lower()
        return any(form in lower for form in self.caseless)


def find(canary: Canary, content: bytes) -> bool:
    """Whether the canary is anywhere in the content, unpacked as deep as it goes."""
    return any(canary.stands_in(layer) for layer in layers(content))


def layers(content: bytes, depth: int = DEPTH) -> Iterator[bytes]:
    """The content and everything packed in it.

    Raises:
        UnreadableError: packed deeper than ``DEPTH``, or damaged.
    """
    yield content
    for inner in _unpacked(content):
        if not depth:
            raise UnreadableError(f"packed more than {DEPTH} deep")
        yield from layers(inner, depth - 1)


def _unpacked(content: bytes) -> Iterator[bytes]:
    try:
        if content.startswith(GZIP):
            yield from _gzip_members(content)
        elif content.startswith(ZIP):
            archive = zipfile.ZipFile(io.BytesIO(content))
            yield from (archive.read(name) for name in archive.namelist())
        elif content.startswith(PARQUET):
            yield _parquet(content)
        elif content.startswith(AVRO):
            yield from _avro_blocks(content)
        elif content[257:262] == b"ustar":
            yield from _tar(content)
        else:
            yield from _packed_in_text(content)
    except (zlib.error, zipfile.BadZipFile, tarfile.TarError, pa.ArrowException, EOFError) as error:
        raise UnreadableError(str(error)) from error


def _gzip_members(content: bytes) -> Iterator[bytes]:
    while content.startswith(GZIP):
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        yield member.decompress(content) + member.flush()
        if not member.eof:
            raise UnreadableError("gzip ends early")
        content = member.unused_data


def _tar(content: bytes) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield file.read()


def _parquet(content: bytes) -> bytes:
    """Every value of every column and the file's metadata, as text."""
    file = pq.ParquetFile(io.BytesIO(content))
    table = file.read()
    words = [str(table.schema), str(file.metadata.metadata)]
    words += [str(value) for column in table.columns for value in column.unique().to_pylist()]
    return "\n".join(words).encode()


def _avro_blocks(content: bytes) -> Iterator[bytes]:
    """What the blocks of a container hold: manifests of Iceberg have bounds of columns in them.

    https://avro.apache.org/docs/1.12.0/specification/#object-container-files
    """
    decoder = StreamingBinaryDecoder(content)
    decoder.skip(len(AVRO))
    header: dict[str, bytes] = {}
    while count := decoder.read_int():
        if count < 0:
            decoder.read_int()
        for _ in range(abs(count)):
            key = decoder.read_utf8()
            header[key] = decoder.read_bytes()
    decoder.skip(_AVRO_SYNC)
    codec = header.get("avro.codec", b"null")
    if codec not in (b"null", b"deflate"):
        raise UnreadableError(f"Avro packed by {codec.decode()}")
    while decoder.tell() < len(content):
        decoder.read_int()
        block = decoder.read_bytes()
        decoder.skip(_AVRO_SYNC)
        yield zlib.decompress(block, -zlib.MAX_WBITS) if codec == b"deflate" else block


def _packed_in_text(content: bytes) -> Iterator[bytes]:
    if not any(start in content for start in _PACKED_BASE64):
        return
    for match in _BASE64.finditer(content):
        text = match.group().replace(b"-", b"+").replace(b"_", b"/")
        if text.startswith(_PACKED_BASE64):
            yield base64.b64decode(text + b"=" * (-len(text) % 4))
