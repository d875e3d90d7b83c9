"""What has to be known about SageMaker instance types before a deploy."""

from __future__ import annotations

import re

_TYPE = re.compile(r"^ml\.(?P<series>[a-z]+\d+[a-z-]*)\.(?:\d*x?large|medium|metal)$")
_SERIES = re.compile(r"^(?P<family>[a-z]+)(?P<generation>\d+)(?P<attributes>[a-z-]*)$")

# Accelerated families whose every size carries local NVMe storage although no "d" says so.
_LOCAL_BY_FAMILY = frozenset(
    {"g5", "g6", "g6e", "gr6", "p4de", "p5", "p5e", "p5en", "trn1", "trn1n", "trn2"}
)


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
