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
    text = _ASSET_HASH.sub(MASK, json.dumps(template))
    return json.dumps(_settled(json.loads(text)), indent=1) + "\n"


def _settled(value: Any) -> Any:
    """The same with assets of a policy statement in one order: CDK sorts them by their hashes."""
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _settled(item) for key, item in value.items()}
    resources = found.get("Resource")
    if isinstance(resources, list) and MASK in json.dumps(resources):
        found["Resource"] = sorted(resources, key=json.dumps)
    return found


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
