"""What has to be known about SageMaker instance types before a deploy."""

from __future__ import annotations

import re

_TYPE = re.compile(r"^ml\.(?P<series>[a-z]+\d+[a-z-]*)\.(?:\d*x?large|medium|metal)$")
_SERIES = re.compile(r"^(?P<family>[a-z]+)(?P<generation>\d+)(?P<attributes>[a-z-]*)$")

# Accelerated families whose every size carries local NVMe storage although no "d" says so.
_LOCAL_BY_FAMILY = frozenset(
    {"g5", "g6", "g6e", "gr6", "p4de", "p5", "p5e", "p5en", "trn1", "trn1n", "trn2"}
)


# The endpoint, training and every processing job run the one image of config/images.yaml.
ARM = (
    "allowed: a type with x86 processors, such as ml.m5.large, ml.c6i.xlarge or ml.m7i.large; the "
    "XGBoost image has no build for Graviton, on which it ends with 'exec format error'"
)


def is_arm(name: str) -> bool:
    """Whether the type has AWS's own ARM processors, for which the XGBoost image is not built.

    The "g" among a series' attributes (``c7g``, ``m6gd``) means Graviton; ``g4dn`` and ``g5`` are
    families with GPUs, of which ``g5g`` alone has Graviton.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-types.html
    """
    match = _TYPE.match(name)
    series = _SERIES.match(match["series"]) if match else None
    return series is not None and "g" in series["attributes"]


def is_burstable(name: str) -> bool:
    """Whether the type earns credits while idle, as every family ``t`` does."""
    match = _TYPE.match(name)
    series = _SERIES.match(match["series"]) if match else None
    return series is not None and series["family"] == "t"


def is_instance_type(name: str) -> bool:
    """Whether ``name`` has the form of a SageMaker instance type, such as ``ml.m5.large``."""
    return _TYPE.match(name) is not None


def has_local_storage(name: str) -> bool:
    """Whether the instance type brings its own NVMe disk, for which SageMaker takes no key.

    The "d" among a series' attributes (``m5d``, ``c6gd``, ``g4dn``) means local storage; some
    accelerated families carry it without the letter.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
    """
    match = _TYPE.match(name)
    if match is None:
        return False
    series = _SERIES.match(match["series"])
    return match["series"] in _LOCAL_BY_FAMILY or bool(series and "d" in series["attributes"])
