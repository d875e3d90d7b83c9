"""Every template of every settings file, as reviewed; ``--snapshot-update`` accepts changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from config import resource_types
from review.masked import MASK, reviewed
from tests.snapshot.classify import classify
from tests.snapshot.extension import (
    ABSENT,
    WHOLE,
    TemplateExtension,
    differences,
    text,
)
from tests.synth import ENVIRONMENTS, STACK_NAMES, resources, templates

SNAPSHOTS = Path(__file__).parent / "__snapshots__"
STATEFUL_IDS = Path(__file__).parent / "stateful_ids.json"
CASES = [(environment, stack) for environment in ENVIRONMENTS for stack in STACK_NAMES]


@pytest.mark.parametrize(("environment", "stack"), CASES)
def test_template_is_as_reviewed(environment: str, stack: str, snapshot: SnapshotAssertion) -> None:
    name = f"{environment}/{stack}"
    told = _told(environment, stack)
    matches = text(_snapshot(environment, stack)) == snapshot(
        name=name, extension_class=TemplateExtension
    )
    assert matches, f"{name} differs from the reviewed template:\n{told}"


def _snapshot(environment: str, stack: str) -> Any:
    """The template of the settings file that is kept whole, what differs of another."""
    mine = reviewed(templates(environment)[stack])
    if environment == WHOLE:
        return mine
    return differences(reviewed(templates(WHOLE)[stack]), mine)


def _told(environment: str, stack: str) -> str:
    """Changes by class for a whole template, changed paths for one that is kept as differences."""
    accepted = SNAPSHOTS / environment / f"{stack}.json"
    before = json.loads(accepted.read_text()) if accepted.is_file() else {}
    after = _snapshot(environment, stack)
    if environment == WHOLE:
        return "\n".join(map(str, classify(before, after)))
    return "\n".join(
        f"{path}: {before.get(path, 'as ' + WHOLE)!r} becomes {after.get(path, 'as ' + WHOLE)!r}"
        for path in sorted(before.keys() | after.keys())
        if before.get(path, WHOLE) != after.get(path, WHOLE)
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_stack_is_there_and_reviewed(environment: str) -> None:
    assert set(templates(environment)) == set(STACK_NAMES)
    reviewed = {path.stem for path in (SNAPSHOTS / environment).glob("*.json")}
    assert reviewed == set(STACK_NAMES)


def test_no_snapshot_is_left_of_a_settings_file_that_is_gone() -> None:
    assert {path.name for path in SNAPSHOTS.iterdir()} == set(ENVIRONMENTS)


def stateful_ids(environment: str) -> dict[str, dict[str, str]]:
    """Stack -> logical id -> type of everything whose replacement loses data."""
    return {
        stack: {
            logical_id: resource["Type"]
            for logical_id, resource in sorted(template["Resources"].items())
            if resource_types.of(resource["Type"]).holds
        }
        for stack, template in templates(environment).items()
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stateful_logical_ids_never_move(environment: str) -> None:
    """A moved logical id is a new, empty resource. Extend the list by hand, on purpose.

    It has those of every settings file, and those that one file has more.
    """
    listed = json.loads(STATEFUL_IDS.read_text())
    of_this = listed.get(environment, {})
    expected = {stack: ids | of_this.get(stack, {}) for stack, ids in listed["every"].items()}
    found = {stack: ids for stack, ids in stateful_ids(environment).items() if ids}
    assert found == expected


# SageMaker gives it the name of the endpoint, as in the next deployment: kept, it would block that.
GO_WITH_THEIR_STACK = {"serving.EndpointLog"}


def _stateful_data(environment: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{stack}.{logical_id}", resource)
        for stack, logical_id, resource in resources(environment)
        if resource_types.of(resource["Type"]).holds == "data"
        and f"{stack}.{logical_id}" not in GO_WITH_THEIR_STACK
    ]


def test_prod_retains_whatever_holds_data() -> None:
    kept = _stateful_data("prod")
    assert kept
    lost = {
        name: resource["Type"]
        for name, resource in kept
        if (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        != ("Retain", "Retain")
    }
    assert lost == {}


def test_masking_hides_hashes_of_assets_and_nothing_else() -> None:
    properties = {"Key": f"{'ab' * 32}.zip", "Arn": "arn:aws:kms:eu-west-1:111122223333:key/ab"}
    resource = {"Type": "T", "Properties": {**properties, "Tags": []}, "Metadata": {"a": 1}}
    found = reviewed({"Resources": {"A": resource}, "Metadata": {}})
    expected = {"Type": "T", "Properties": properties | {"Key": f"{MASK}.zip"}}
    assert found == {"Resources": {"A": expected}}


def test_differences_tell_every_path_that_is_not_the_same() -> None:
    whole = {"A": {"x": 1, "y": [1, {"z": 2}]}, "B": 1, "C": [1]}
    other = {"A": {"x": 1, "y": [1, {"z": 3}]}, "C": [1, 2], "D": {"n": None}}
    assert differences(whole, other) == {
        "A/y/1/z": 3, "B": ABSENT, "C": [1, 2], "D": {"n": None},
    }  # fmt: skip
    assert differences(whole, whole) == {}


def test_classification_puts_data_loss_before_privilege_before_change() -> None:
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"Tags": []}}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"a": 1}}}
    queue = {"Type": "AWS::Events::Rule", "Properties": {}}
    before = {"Resources": {"Zone": bucket, "Old": bucket, "Grants": policy, "Rule": queue}}
    after = {
        "Resources": {
            "Zone": {**bucket, "DeletionPolicy": "Delete", "Properties": {"Tags": [1]}},
            "Grants": {**policy, "Properties": {"PolicyDocument": {"a": 2}}},
            "Fresh": queue,
            "Rule": {**queue, "Metadata": {"cdk_nag": ["accepted"]}},
        }
    }
    changes = [(change.kind, change.logical_id) for change in classify(before, after)]
    assert changes == [
        ("data loss", "Old"),
        ("data loss", "Zone"),
        ("privilege", "Grants"),
        ("acknowledgement", "Rule"),
        ("change", "Zone"),
        ("addition", "Fresh"),
    ]
