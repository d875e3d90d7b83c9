"""Every template of every settings file, as reviewed; ``--snapshot-update`` accepts changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from config.load import load_deployment
from review.stateful import STATEFUL_TYPES
from tests.snapshot.classify import classify
from tests.snapshot.extension import MASK, TemplateExtension, masked
from tests.synth import ENVIRONMENTS, STACK_NAMES, resources, templates

SNAPSHOTS = Path(__file__).parent / "__snapshots__"
STATEFUL_IDS = Path(__file__).parent / "stateful_ids.json"
VAULT = "AWS::Backup::BackupVault"
"""Only where the settings ask for backups."""
CASES = [(environment, stack) for environment in ENVIRONMENTS for stack in STACK_NAMES]


@pytest.mark.parametrize(("environment", "stack"), CASES)
def test_template_is_as_reviewed(environment: str, stack: str, snapshot: SnapshotAssertion) -> None:
    template = templates(environment)[stack]
    name = f"{environment}/{stack}"
    accepted = SNAPSHOTS / f"{name}.json"
    before = json.loads(accepted.read_text()) if accepted.is_file() else {}
    told = "\n".join(map(str, classify(before, json.loads(masked(template)))))
    matches = masked(template) == snapshot(name=name, extension_class=TemplateExtension)
    assert matches, f"{name} differs from the reviewed template:\n{told}"


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
            if resource["Type"] in STATEFUL_TYPES
        }
        for stack, template in templates(environment).items()
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stateful_logical_ids_never_move(environment: str) -> None:
    """A moved logical id is a new, empty resource. Extend the list by hand, on purpose."""
    backed_up = load_deployment(environment).settings.retention.backup_days is not None
    expected = {
        stack: {name: kind for name, kind in ids.items() if backed_up or kind != VAULT}
        for stack, ids in json.loads(STATEFUL_IDS.read_text()).items()
    }
    found = {stack: ids for stack, ids in stateful_ids(environment).items() if ids}
    assert found == expected


# Of the stateful types those that hold data themselves. The trail's data lies in its bucket; the
# catalog (projected partitions, columns of the contract) is made again from the contract; a topic
# holds subscriptions, a delivery stream minutes of what its producers sent.
DATA_TYPES = STATEFUL_TYPES - {
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::Athena::WorkGroup",
    "AWS::CloudTrail::Trail",
    "AWS::EC2::VPC",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "Custom::ModelPointers",
}


# SageMaker gives it the name of the endpoint, as in the next deployment: kept, it would block that.
GO_WITH_THEIR_STACK = {"serving.EndpointLog"}


def _stateful_data(environment: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{stack}.{logical_id}", resource)
        for stack, logical_id, resource in resources(environment)
        if resource["Type"] in DATA_TYPES and f"{stack}.{logical_id}" not in GO_WITH_THEIR_STACK
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
    template = {"Key": f"{'ab' * 32}.zip", "Arn": "arn:aws:kms:eu-west-1:111122223333:key/ab"}
    text = masked(template)
    assert json.loads(text) == template | {"Key": f"{MASK}.zip"}


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
