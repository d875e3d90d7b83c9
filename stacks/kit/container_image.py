"""SageMaker's framework images of a Region, from the committed table ``config/images.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).resolve().parents[2] / "config" / "images.yaml"


@cache
def _table() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return document


def framework_image(name: str, region: str) -> str:
    """URI of the image of this name: it trains, evaluates, monitors and serves.

    Raises:
        ValueError: the Region has no registry in the table.
    """
    table = _table()[name]
    registries: dict[str, str] = table["registries"]
    if region not in registries:
        allowed = ", ".join(sorted(registries))
        raise ValueError(
            f"region is {region!r}, which config/images.yaml does not list; allowed: {allowed}"
        )
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    host = f"{registries[region]}.dkr.ecr.{region}.{suffix}"
    return f"{host}/{table['repository']}:{table['version']}"
