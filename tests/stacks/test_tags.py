"""Tags of the templates: what AWS refuses is in none of them, and nothing reaches a version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.services.cloudformation.resource_tags import MODEL_PACKAGE, refusals
from stacks.kit.base_stack import NEVER_TAGGED
from tests.synth import ENVIRONMENTS, assembly, resources

OURS = {"owner", "cost-center", "instance", "environment"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_version_in_the_registry_has_no_tags(environment: str) -> None:
    assert NEVER_TAGGED == (MODEL_PACKAGE,)
    ((_, _, package),) = resources(environment, MODEL_PACKAGE)
    assert "Tags" not in package["Properties"]
    ((_, _, group),) = resources(environment, "AWS::SageMaker::ModelPackageGroup")
    assert {tag["Key"] for tag in group["Properties"]["Tags"]} == OURS | {"contract"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_stack_hands_tags_of_its_own_on(environment: str) -> None:
    """CloudFormation would add the tags of a stack to each resource that takes any."""
    manifest = json.loads((assembly(environment) / "manifest.json").read_text())
    stacks = [a for a in manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"]
    assert stacks
    assert not [stack for stack in stacks if stack["properties"].get("tags")]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_tag_is_one_that_aws_takes(environment: str) -> None:
    found = [
        f"{stack}.{logical_id}: {refusal}"
        for stack, logical_id, resource in resources(environment)
        for refusal in refusals(resource["Type"], resource.get("Properties", {}))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("kind", "properties", "word"),
    [
        ("AWS::S3::Bucket", {"Tags": [{"Key": "aws:owner", "Value": "a"}]}, "reserved"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": "owner", "Value": "AWS:a"}]}, "reserved"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": "", "Value": "a"}]}, "1 to 128"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": "k" * 129, "Value": "a"}]}, "1 to 128"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": "k", "Value": "v" * 257}]}, "0 to 256"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": "k", "Value": "R&D"}]}, "R&D"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": "k", "Value": v} for v in "ab"]}, "twice"),
        ("AWS::S3::Bucket", {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, "51"),
        ("AWS::CloudWatch::Alarm", {"Tags": [{"Key": "k", "Value": ""}]}, "1 to 256"),
        ("AWS::Glue::Job", {"Tags": {"owner": "R&D"}}, "R&D"),
        ("AWS::Backup::BackupVault", {"BackupVaultTags": {"aws:owner": "a"}}, "reserved"),
    ],
)
def test_what_aws_refuses_is_found(kind: str, properties: dict[str, Any], word: str) -> None:
    (found,) = refusals(kind, properties)
    assert word in found


def test_what_aws_takes_is_taken() -> None:
    tags = [{"Key": f"k{n}", "Value": "Größe 1_2.3:4/5=6+7-8@9"} for n in range(50)]
    assert refusals("AWS::CloudWatch::Alarm", {"Tags": tags}) == []
    by_cloudformation = [{"Key": "aws:cloudformation:stack-name", "Value": "a"}]
    assert refusals("AWS::S3::Bucket", {"Tags": by_cloudformation}) == []
    assert refusals("AWS::S3::Bucket", {"Tags": [{"Key": "empty", "Value": ""}]}) == []
