"""The buckets that replicas go to are asked for before a deploy."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from config.load import load_deployment
from operations.preflight import Answer, State
from stacks.replication.preflight import answers
from stacks.replication.zones import LOCKED, replica_buckets
from tests.support.preflight import inquiry, stubbed


def _ask_for_replicas(wrong: dict[str, str]) -> list[Answer]:
    """Ask about the production settings' replicas; ``wrong`` has an error code by zone."""
    replication = load_deployment("prod").settings.replication
    assert replication is not None
    owner = {"ExpectedBucketOwner": replication.account}
    found = replica_buckets(replication)

    def stub(stubber: Stubber) -> None:
        for zone, bucket in found.items():
            asked, versions = {"Bucket": bucket, **owner}, "get_bucket_versioning"
            trouble = wrong.get(zone, "")
            if trouble in {"Suspended", ""} or trouble.startswith("ObjectLock"):
                status = "Suspended" if trouble == "Suspended" else "Enabled"
                stubber.add_response(versions, {"Status": status}, asked)
            else:
                stubber.add_client_error(versions, trouble, expected_params=asked)
                continue
            if zone == LOCKED and trouble:
                stubber.add_client_error("get_object_lock_configuration", trouble)
            elif zone == LOCKED:
                lock = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
                stubber.add_response("get_object_lock_configuration", lock, asked)

    return stubbed("s3", stub, answers)


def test_replicas_that_are_ready_pass() -> None:
    assert {answer.state for answer in _ask_for_replicas({})} == {State.OK}


def test_without_replication_nobody_is_asked() -> None:
    assert not list(answers(inquiry(None, settings=load_deployment("dev").settings)))


@pytest.mark.parametrize(
    ("zone", "trouble", "told"),
    [
        ("raw", "NoSuchBucket", "does not exist"),
        ("landing", "Suspended", "keeps no versions"),
        ("curated", "AccessDenied", "cannot be looked at"),
        ("features", "PermanentRedirect", "is in another Region"),
        (LOCKED, "ObjectLockConfigurationNotFoundError", "has no Object Lock"),
        ("access-logs", "SlowDown", "SlowDown"),
    ],
)
def test_a_replica_that_is_not_ready_is_named(zone: str, trouble: str, told: str) -> None:
    (wrong,) = [answer for answer in _ask_for_replicas({zone: trouble}) if answer.stops]
    assert wrong.subject.endswith(f"-{zone}")
    assert told in wrong.said


def test_every_replica_that_is_not_ready_is_named_at_once() -> None:
    found = _ask_for_replicas({"raw": "NoSuchBucket", "monitoring": "Suspended"})
    assert [answer.subject.rpartition("-")[2] for answer in found if answer.stops] == [
        "raw",
        "monitoring",
    ]
