"""One readable JSON file per template: ``__snapshots__/<environment>/<stack>.json``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

_ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")
MASK = "<hash>"


def masked(template: dict[str, Any]) -> str:
    """The template as indented JSON; hashes of assets change with every line of code and go."""
    return _ASSET_HASH.sub(MASK, json.dumps(template, indent=1)) + "\n"


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
