"""The committed table of instance types against the pinned botocore, and what is told by a name."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib import resources
from typing import Any

import pytest

from config.instance_types import (
    TABLE,
    Use,
    alternatives,
    exists,
    has_local_storage,
    has_other_accelerator,
    is_arm,
    types_of,
)
from operations.instance_types import SHAPES, enumerated, table_text

# EC2's answers that moto has recorded; these types were not among those of its Region.
NOT_RECORDED = {
    "dl1": (True, False),
    "p2": (False, False),
    "p3": (False, False),
    "p6e-gb200": (True, True),
}
"""Series: local storage, ARM processors."""
ACCELERATED = {"inf1", "inf2", "trn1", "trn1n", "trn2", "dl1"}


@pytest.mark.parametrize("use", SHAPES)
def test_the_table_lacks_nothing_that_botocore_has(use: Use) -> None:
    known, listed = enumerated()[use], types_of(use)
    assert sorted(known - listed) == [], "run: python -m operations.instance_types"
    assert sorted(listed - known) == [], "run: python -m operations.instance_types"


def test_the_table_is_as_generated() -> None:
    assert TABLE.read_text() == table_text(), "run: python -m operations.instance_types"


@cache
def recorded() -> dict[str, dict[str, Any]]:
    """What EC2 says of its types, by name."""
    packed = resources.files("moto.ec2").joinpath("resources/instance_types.json.gz")
    found: dict[str, dict[str, Any]] = json.loads(gzip.decompress(packed.read_bytes()))
    return found


def _facts(name: str) -> tuple[bool, bool]:
    fact = recorded().get(name.removeprefix("ml."))
    if fact is None:
        return NOT_RECORDED[name.split(".")[1]]
    arm = "arm64" in fact["ProcessorInfo"]["SupportedArchitectures"]
    return bool(fact["InstanceStorageSupported"]), arm


@pytest.mark.parametrize("use", SHAPES)
def test_names_tell_storage_and_processors_as_ec2_does(use: Use) -> None:
    told = {name: (has_local_storage(name), is_arm(name)) for name in types_of(use)}
    assert told == {name: _facts(name) for name in types_of(use)}


@pytest.mark.parametrize("use", SHAPES)
def test_accelerators_without_driver_are_told_by_the_name(use: Use) -> None:
    others = {name.split(".")[1] for name in types_of(use) if has_other_accelerator(name)}
    assert others == {name.split(".")[1] for name in types_of(use)} & ACCELERATED


@pytest.mark.parametrize(
    ("name", "uses", "found"),
    [
        ("ml.m5.large", ("endpoint", "training", "processing"), True),
        ("ml.p6-b200.48xlarge", ("endpoint", "training"), True),
        ("ml.p6-b200.48xlarge", ("training", "processing"), False),
        ("ml.m7i-flex.large", ("training", "processing"), True),
        ("ml.m5.3xlarge", ("endpoint",), False),
        ("ml.t2.medium", ("training",), False),
        ("ml.t3.large", ("endpoint",), False),
        ("m5.large", ("endpoint",), False),
    ],
)
def test_a_type_exists_for_its_uses(name: str, uses: tuple[Use, ...], found: bool) -> None:
    assert exists(name, *uses) is found


def test_the_sizes_of_a_family_are_told_or_else_the_families() -> None:
    sizes = alternatives("ml.m5.3xlarge", "training", "processing")
    assert sizes.startswith("allowed for training and processing: ml.m5.large, ml.m5.xlarge, ")
    families = alternatives("ml.t2.medium", "endpoint", "processing")
    assert "ml.<family>.<size> of c4, c5, " in families
    # The image runs on none of these, so they are no way out.
    assert not {"m6g", "inf1", "c7g"} & set(alternatives("no", "endpoint").split(", "))


@pytest.mark.parametrize("name", ["", "ml.", "ml.m5", "m5d.large", "ml.M5.large", "ml.m5.large "])
def test_nothing_is_told_of_what_is_no_type(name: str) -> None:
    assert not has_local_storage(name)
    assert not is_arm(name)
    assert not exists(name, "endpoint")
