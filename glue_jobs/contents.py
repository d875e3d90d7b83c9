"""The bytes of a text file as lines, or the reason why nobody can read it.

People put whatever they have into the landing zone. A file is taken for what its first bytes are,
and refused as a whole before its first line if that is not what its name says, if it ends early or
if it is of a kind that is not read here. Spark's own text reader goes by the name alone: it hangs
on a text that is named ``.snappy``, and stops at a truncated archive.

Standard library and ``core`` only, so that the demo's count opens files by the same rules.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from core.parsing import bare

# A Python worker holds a file as a whole; gzip makes ten of these bytes one.
LARGEST_FILE: Final = 256 * 1024 * 1024
LARGEST_EXPANDED: Final = 4 * 1024 * 1024 * 1024
# Firehose takes 1,000 KiB. A longer line is cut, so that it cannot fill the memory.
LONGEST_LINE: Final = 16 * 1024 * 1024
CHUNK: Final = 1024 * 1024
ALLOWED: Final = "JSON lines in UTF-8, as they are or packed by gzip (.gz) or bzip2 (.bz2)"


# What a part of such a name matches, as Hadoop writes patterns; others match it, too.
MAY_BE_HIDDEN: Final = "{_*,.*,*._COPYING_}"


def passed_over(name: str) -> bool:
    """Whether Spark reads no file of this name, from its folder on: whoever writes one hides it.

    It lists folders and files by one rule, and takes those for data that keep another.
    https://github.com/apache/spark/blob/v3.5.4/core/src/main/scala/org/apache/spark/util/HadoopFSUtils.scala
    https://github.com/apache/spark/blob/v3.5.4/sql/core/src/main/scala/org/apache/spark/sql/execution/datasources/PartitioningAwareFileIndex.scala
    """
    parts = name.split("/")
    return _hidden(parts[-1]) or any(map(_unlisted, parts))


def _hidden(part: str) -> bool:
    return part.startswith(".") or (part.startswith("_") and "=" not in part)


def _unlisted(part: str) -> bool:
    kept = part.startswith(("_metadata", "_common_metadata"))
    return (_hidden(part) or part.endswith("._COPYING_")) and not kept


class UnreadableError(ValueError):
    """Nobody can read the file; the message says why and quotes nothing of it."""


class _Packing(NamedTuple):
    suffix: str
    magic: bytes
    unpack: Callable[[bytes], gzip.GzipFile | bz2.BZ2File]


_PACKINGS: Final = (
    _Packing(".gz", b"\x1f\x8b", lambda content: gzip.GzipFile(fileobj=io.BytesIO(content))),
    _Packing(".bz2", b"BZh", lambda content: bz2.BZ2File(io.BytesIO(content))),
)
# No text begins with one of these.
_OTHER_KINDS: Final = {
    b"PAR1\x15": "Parquet",
    b"Obj\x01": "Avro",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xfd7zXZ\x00": "xz",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
_OTHER_SUFFIXES: Final = (
    ".avro", ".deflate", ".lz4", ".lzo", ".orc", ".parquet", ".snappy", ".xz", ".zip", ".zst",
)  # fmt: skip


def lines(content: bytes, name: str = "") -> Iterator[bytes]:
    """The lines of a file that hold anything, each without what may surround a record.

    Only a line feed ends a line, as in a stream of records. A byte order mark may stand before any
    line: files that are put together have one where the next began.

    Args:
        content: the file's bytes.
        name: of the file, for what its end says; nothing is asked of a file without.

    Raises:
        UnreadableError: before the first line.
    """
    packing = _packing(content, name.lower())
    if packing is not None:
        _test(packing, content)
    found = _split(packing.unpack(content) if packing else io.BytesIO(content))
    first = next(found, None)
    if first is None:
        raise UnreadableError("the file is empty")
    return chain([first], found)


def _packing(content: bytes, name: str) -> _Packing | None:
    for magic, kind in _OTHER_KINDS.items():
        if content.startswith(magic):
            raise UnreadableError(f"the file is {kind}; allowed: {ALLOWED}")
    packing = next((one for one in _PACKINGS if content.startswith(one.magic)), None)
    suffix = next((one for one in _known_suffixes() if name.endswith(one)), None)
    if suffix is not None and (packing is None or packing.suffix != suffix):
        raise UnreadableError(f"the file is named {suffix} and is none; allowed: {ALLOWED}")
    return packing


def _known_suffixes() -> tuple[str, ...]:
    return (*(one.suffix for one in _PACKINGS), *_OTHER_SUFFIXES)


def _test(packing: _Packing, content: bytes) -> None:
    """Unpack once for nothing: half a file must not be taken for a whole one."""
    expanded = 0
    try:
        with packing.unpack(content) as stream:
            while chunk := stream.read(CHUNK):
                expanded += len(chunk)
                if expanded > LARGEST_EXPANDED:
                    raise UnreadableError(
                        f"the file unpacks to more than {LARGEST_EXPANDED} bytes, the most allowed"
                    )
    except (EOFError, OSError, zlib.error):
        raise UnreadableError(f"the file is no whole {packing.suffix}: damaged or cut") from None


def _split(stream: gzip.GzipFile | bz2.BZ2File | io.BytesIO) -> Iterator[bytes]:
    with stream:
        for line in iter(partial(stream.readline, LONGEST_LINE), b""):
            if record := bare(line):
                yield record
