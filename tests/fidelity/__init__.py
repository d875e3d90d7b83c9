"""What AWS refuses and does, and that the local platform follows.

Planted cases say long values by their length: ``!text 81``, ``!entries 17`` (names and values of
a map) and ``!items 6`` (of a list).
"""

from __future__ import annotations

import yaml


def _length(loader: yaml.SafeLoader, node: yaml.Node) -> int:
    assert isinstance(node, yaml.ScalarNode)
    return int(loader.construct_scalar(node))


yaml.SafeLoader.add_constructor("!text", lambda loader, node: "x" * _length(loader, node))
yaml.SafeLoader.add_constructor(
    "!entries",
    lambda loader, node: {f"NAME_{i}": "value" for i in range(_length(loader, node))},
)
yaml.SafeLoader.add_constructor(
    "!items", lambda loader, node: [f"item-{i}" for i in range(_length(loader, node))]
)
