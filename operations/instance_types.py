"""Rewrite config/instance_types.yaml from the service model of the pinned botocore.

``python -m operations.instance_types``, after a new botocore; a test compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from botocore.loaders import Loader
from botocore.model import ServiceModel

from config.instance_types import TABLE, Use

# The enumeration of each use in the service's model.
SHAPES: dict[Use, str] = {
    "endpoint": "ProductionVariantInstanceType",
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
}
_HEAD = """\
# Instance types that SageMaker has for a use, sizes by family: the enumerations of its service
# model as botocore carries them. Committed so that synth needs no botocore.
# Generated: python -m operations.instance_types
"""


def enumerated() -> dict[Use, frozenset[str]]:
    """Types by use, as botocore's model has them."""
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    return {use: frozenset(model.shape_for(shape).enum) for use, shape in SHAPES.items()}


def table_text() -> str:
    """The whole file, with a trailing newline."""
    parts = [_HEAD]
    for use, types in enumerated().items():
        parts.append(f"{use}:\n")
        parts += [f"  {family}: {sizes}\n" for family, sizes in _families(types)]
    return "".join(parts)


def _families(types: Iterable[str]) -> list[tuple[str, str]]:
    found = defaultdict[str, list[str]](list)
    for name in types:
        _, family, size = name.split(".")
        found[family].append(size)
    return sorted((family, " ".join(sorted(sizes, key=_order))) for family, sizes in found.items())


def _order(size: str) -> tuple[int, str]:
    """Medium, large, xlarge, 2xlarge, …, 48xlarge."""
    number = size.removesuffix("xlarge")
    small = {"medium": -2, "large": -1, "": 0}
    return small[number] if number in small else int(number), size


if __name__ == "__main__":
    TABLE.write_text(table_text(), encoding="utf-8")
