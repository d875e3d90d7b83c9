"""What AWS refuses and does, and that the local platform follows.

Planted cases say long values by their length: ``!text 81``, ``!entries 17`` (names and values of
a map) and ``!items 6`` (of a list).
"""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.yaml_files import LOADER


def _length(loader: Any, node: yaml.Node) -> int:
    assert isinstance(node, yaml.ScalarNode)
    return int(loader.construct_scalar(node))


LOADER.add_constructor("!text", lambda loader, node: "x" * _length(loader, node))
LOADER.add_constructor(
    "!entries",
    lambda loader, node: {f"NAME_{i}": "value" for i in range(_length(loader, node))},
)
LOADER.add_constructor(
    "!items", lambda loader, node: [f"item-{i}" for i in range(_length(loader, node))]
)
