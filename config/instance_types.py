"""What has to be known about SageMaker instance types before a deploy."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

Use = Literal["endpoint", "training", "processing"]
TABLE = Path(__file__).with_name("instance_types.yaml")

_TYPE = re.compile(r"ml\.(?P<series>[a-z]+\d[a-z\d-]*)\.(?:\d*x?large|medium|metal)")
# After a hyphen stands what else the series is: a chip (p6-b200) or a way to buy it (m7i-flex).
_SERIES = re.compile(r"(?P<family>[a-z]+)\d+(?P<attributes>[a-z]*)(?:-(?P<kind>[a-z\d]+))?")

# Accelerated series whose every size carries local NVMe storage although no "d" says so.
_LOCAL_BY_SERIES = frozenset({
    "dl1", "g5", "g6", "g6e", "g7", "g7e", "gr6", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300",
    "p6e-gb200", "trn1", "trn1n", "trn2",
})  # fmt: skip
# Inferentia, Trainium, Gaudi.
_OTHER_ACCELERATORS = frozenset({"inf", "trn", "dl"})
# Grace, NVIDIA's own ARM processor, beside its GPUs.
_GRACE = "gb"

# The endpoint, training and every processing job run the one image of config/images.yaml.
ARM = (
    "allowed: a type with x86 processors, such as ml.m5.large, ml.c6i.xlarge or ml.m7i.large; the "
    "XGBoost image has no build for Graviton or Grace, on which it ends with 'exec format error'"
)
ACCELERATOR = (
    "allowed: a type without accelerator, such as ml.m5.large, or with NVIDIA's GPUs, such as "
    "ml.g5.xlarge; the XGBoost image has no driver for Inferentia, Trainium or Gaudi, and an "
    "endpoint on Inferentia is updated without guardrails"
)


@lru_cache(maxsize=1)
def _families() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


@lru_cache
def types_of(use: Use) -> frozenset[str]:
    """Every type that SageMaker has for ``use``."""
    families = _families()[use].items()
    return frozenset(f"ml.{family}.{size}" for family, sizes in families for size in sizes.split())


def exists(name: str, *uses: Use) -> bool:
    """Whether SageMaker has the type for every one of the uses."""
    return all(name in types_of(use) for use in uses)


def alternatives(name: str, *uses: Use) -> str:
    """What may stand in place of ``name``: its family's sizes, or the families that there are."""
    common = frozenset.intersection(*(types_of(use) for use in uses))
    stem = name.rpartition(".")[0]
    near = [size for size in _in_order(common) if size.rpartition(".")[0] == stem]
    families = sorted({other.split(".")[1] for other in common if not unfit(other)})
    found = ", ".join(near) if near else f"ml.<family>.<size> of {', '.join(families)}"
    return f"allowed for {' and '.join(uses)}: {found}"


def _in_order(types: frozenset[str]) -> list[str]:
    """From small to large within a family."""
    return sorted(types, key=lambda name: (len(name), name))


def unfit(name: str) -> bool:
    """Whether the one image cannot use what the type has."""
    return is_arm(name) or has_other_accelerator(name)


def is_arm(name: str) -> bool:
    """Whether the type has ARM processors, for which the XGBoost image is not built.

    The "g" among a series' attributes (``c7g``, ``m6gd``) means Graviton; ``g4dn`` and ``g5`` are
    families with GPUs, of which ``g5g`` alone has Graviton. ``p6e-gb200`` has Grace.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-types.html
    """
    series = _series(name)
    return "g" in series.get("attributes", "") or series.get("kind", "").startswith(_GRACE)


def has_other_accelerator(name: str) -> bool:
    """Whether the type has an accelerator that is no GPU of NVIDIA."""
    return _series(name).get("family") in _OTHER_ACCELERATORS


def is_burstable(name: str) -> bool:
    """Whether the type earns credits while idle, as every family ``t`` does."""
    return _series(name).get("family") == "t"


def has_local_storage(name: str) -> bool:
    """Whether the instance type brings its own NVMe disk, for which SageMaker takes no key.

    The "d" among a series' attributes (``m5d``, ``c6gd``, ``g4dn``) means local storage; some
    accelerated series carry it without the letter.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
    """
    series = _series(name)
    return series.get("whole") in _LOCAL_BY_SERIES or "d" in series.get("attributes", "")


def _series(name: str) -> dict[str, str]:
    """Family, attributes and kind of the type's series; empty if it has no type's form."""
    found = _TYPE.fullmatch(name)
    series = _SERIES.fullmatch(found["series"]) if found else None
    if series is None:
        return {}
    return {"whole": series[0]} | {key: text or "" for key, text in series.groupdict().items()}
