"""Every bucket of prod is replicated whole, deletions too, under keys of the same domains."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.load import load_deployment
from stacks.kit.base_stack import KEPT_OF_STACK_NAME, BaseStack, generated
from stacks.replication.settings import Replication
from stacks.replication.zones import DOMAINS, replica_buckets
from tests.support.alarms import ringing
from tests.synth import resources


def _replication() -> Replication:
    found = load_deployment("prod").settings.replication
    assert found is not None
    return found


def _rules() -> dict[str, dict[str, Any]]:
    """Destination → its one rule."""
    found = {}
    for _, logical_id, bucket in resources("prod", "AWS::S3::Bucket"):
        (rule,) = bucket["Properties"]["ReplicationConfiguration"]["Rules"]
        destination = rule["Destination"]["Bucket"]
        zone = destination.removeprefix(f"arn:aws:s3:::{_replication().bucket_prefix}-")
        name = {"access-logs": "accesslogs", "audit": "audittrail"}.get(zone, zone)
        assert logical_id.lower().startswith(name), f"{logical_id} goes to {destination}"
        found[zone] = rule
    return found


def test_every_bucket_goes_to_a_bucket_of_its_own() -> None:
    assert set(_rules()) == set(DOMAINS) == set(replica_buckets(_replication()))
    assert len(resources("prod", "AWS::S3::Bucket")) == len(DOMAINS)


@pytest.mark.parametrize("zone", DOMAINS)
def test_everything_is_replicated_and_so_is_its_deletion(zone: str) -> None:
    rule = _rules()[zone]
    assert rule["Status"] == "Enabled"
    assert rule["Filter"] == {"Prefix": ""}
    assert rule["DeleteMarkerReplication"] == {"Status": "Enabled"}
    assert rule["Destination"]["Account"] == _replication().account
    assert rule["Destination"]["AccessControlTranslation"] == {"Owner": "Destination"}


@pytest.mark.parametrize("zone", DOMAINS)
def test_a_replica_is_under_the_key_of_its_domain(zone: str) -> None:
    rule, domain = _rules()[zone], DOMAINS.get(zone)
    encryption = rule["Destination"].get("EncryptionConfiguration")
    if domain is None:
        assert encryption is None
        assert "SourceSelectionCriteria" not in rule
        return
    assert encryption == {"ReplicaKmsKeyID": getattr(_replication().keys, domain)}
    selected = rule["SourceSelectionCriteria"]["SseKmsEncryptedObjects"]
    assert selected == {"Status": "Enabled"}


def test_the_role_reads_our_buckets_and_writes_replicas_only() -> None:
    (policy,) = (
        json.dumps(policy["Properties"]["PolicyDocument"]["Statement"])
        for stack, logical_id, policy in resources("prod", "AWS::IAM::ManagedPolicy")
        if stack == "security" and logical_id.startswith("ReplicationPolicy")
    )
    statements = {
        tuple(s["Action"]): s for s in json.loads(policy) if isinstance(s["Action"], list)
    }
    written = next(s for actions, s in statements.items() if "s3:ReplicateObject" in actions)
    assert written["Resource"] == f"arn:aws:s3:::{_replication().bucket_prefix}-*/*"
    read = next(s for a, s in statements.items() if "s3:GetObjectVersionForReplication" in a)
    assert read["Resource"] == "arn:aws:s3:::millrace-flights-prod-*"
    assert not {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} & {
        action for actions in statements for action in actions
    }


@pytest.mark.parametrize("prefix", ["millrace-a-prod", "millrace-a-very-long-instance-name-prod"])
def test_the_pattern_matches_what_cloudformation_keeps_of_a_stack_s_name(prefix: str) -> None:
    """Of a name above 63 characters CloudFormation keeps at least 24 of the stack's."""
    stack = SimpleNamespace(names=SimpleNamespace(stack_prefix=prefix))
    pattern = f"{generated(cast('BaseStack', stack))}*"
    for kept in (f"{prefix}-data-lake"[:KEPT_OF_STACK_NAME], f"{prefix}-data-lake"):
        assert fnmatchcase(f"{kept}-rawbucket0c3b8e5a-q1w2e3r4t5y6", pattern)
    assert not fnmatchcase("millrace-b-prod-data-lake-rawbucket0c3b8e5a-q1w2e3r4t5y6", pattern)


@pytest.mark.parametrize("environment", ["dev", "demo"])
def test_without_the_setting_there_is_no_replica(environment: str) -> None:
    for _, _, bucket in resources(environment, "AWS::S3::Bucket"):
        assert "ReplicationConfiguration" not in bucket["Properties"]


def test_what_is_not_replicated_rings() -> None:
    """Each bucket's failures are in some alarm, by the very names that S3 counts them under."""
    rules, prefix = _rules(), f"{_replication().bucket_prefix}-"
    seen: dict[str, Any] = {}
    for _, alarm, watched in ringing("prod", "OperationsFailedReplication"):
        assert alarm["Threshold"] == 1
        assert alarm["AlarmActions"]
        assert alarm["AlarmDescription"].endswith("#replication-failed")
        for dimensions in watched:
            zone = dimensions["DestinationBucket"].removeprefix(prefix)
            assert dimensions["RuleId"] == rules[zone]["Id"]
            assert rules[zone]["Destination"]["Metrics"]["Status"] == "Enabled"
            seen[zone] = dimensions["SourceBucket"]
    assert set(seen) == set(rules)
    assert len({json.dumps(source) for source in seen.values()}) == len(rules)
    assert ringing("dev", "OperationsFailedReplication") == []
