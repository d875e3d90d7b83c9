"""A template without what any change of code changes: for snapshots, and for what a change does.

Tags and metadata are left out too: tests of their own hold them (``tests/stacks/test_tags.py``, and
``docs/review/`` with ``tests/nag`` for acknowledged findings).
"""

from __future__ import annotations

import json
import re
from typing import Any

MASK = "<hash>"
_ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_LEFT_OUT = {"Metadata"}
_TAGS = {"Tags", "TagsMap", "HostedZoneTags", "UserPoolTags", "BackupVaultTags", "BackupPlanTags"}


def reviewed(template: dict[str, Any]) -> Any:
    """The template, less the hashes of assets, which any code changes."""
    text = _ASSET_HASH.sub(MASK, json.dumps(_without(template)))
    return _settled(json.loads(text))


def _without(template: dict[str, Any]) -> dict[str, Any]:
    """The template without metadata and tags."""
    found = {key: value for key, value in template.items() if key not in _LEFT_OUT}
    found["Resources"] = {
        name: {
            **{key: value for key, value in resource.items() if key not in _LEFT_OUT},
            "Properties": {
                key: value
                for key, value in resource.get("Properties", {}).items()
                if key not in _TAGS
            },
        }
        for name, resource in template["Resources"].items()
    }
    return found


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
