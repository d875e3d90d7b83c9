"""Reviewed templates: those of ``prod`` whole, those of other settings files as what differs.

What every template is compared without is ``review.masked``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

WHOLE = "prod"
"""The settings file whose templates the others are compared with."""
ABSENT = "<absent>"
WIDTH = 100


def differences(whole: Any, other: Any) -> dict[str, Any]:
    """Path → what stands there in ``other``, or ``<absent>``; lists of equal length by item."""
    return dict(_differences(whole, other, ""))


def _differences(whole: Any, other: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(whole, dict) and isinstance(other, dict):
        pairs = [(key, whole.get(key, ABSENT), other.get(key, ABSENT)) for key in whole | other]
    elif isinstance(whole, list) and isinstance(other, list) and len(whole) == len(other):
        pairs = [(str(n), *pair) for n, pair in enumerate(zip(whole, other, strict=True))]
    elif whole != other:
        yield path, other
        return
    else:
        return
    for key, mine, theirs in pairs:
        yield from _differences(mine, theirs, f"{path}/{key}" if path else key)


def text(document: Any) -> str:
    """JSON in which whatever fits a line has one: ARNs made of parts do not fill a screen."""
    return f"{_text(document, '')}\n"


def _text(value: Any, indent: str) -> str:
    flat = json.dumps(value)
    if len(indent) + len(flat) <= WIDTH or not value or not isinstance(value, dict | list):
        return flat
    deeper = f"{indent} "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_text(one, deeper)}" for key, one in value.items()]
    else:
        items = [_text(one, deeper) for one in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    lines = ",\n".join(deeper + item for item in items)
    return f"{opening}\n{lines}\n{indent}{closing}"


class TemplateExtension(SingleFileSnapshotExtension):
    """The snapshot's name ``dev/serving`` is its path below ``__snapshots__``."""

    file_extension = "json"
    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: Any) -> str:
        """All settings files of this folder's tests share one tree."""
        return str(Path(test_location.filepath).parent / "__snapshots__")

    @classmethod
    def get_snapshot_name(cls, *, test_location: Any, index: Any = 0) -> str:  # noqa: ARG003
        """The name given by the test, as a path."""
        return str(index)

    @classmethod
    def get_location(cls, *, test_location: Any, index: Any) -> str:
        """Path of the file."""
        folder = Path(cls.dirname(test_location=test_location))
        return str(folder / f"{index}.{cls.file_extension}")
