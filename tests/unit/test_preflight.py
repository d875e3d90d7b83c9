"""The account's quota is asked for before a deploy, and the message says what to change."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from config.load import load_deployment
from lambdas.shared.names import Scope
from operations.deployed import Deployed, Resource
from operations.preflight import (
    LOCKED,
    PreflightError,
    check_concurrency,
    check_prefix_lists,
    check_replication,
    replica_buckets,
    wanted_concurrency,
)

SCOPE = Scope("flights", "prod")
NOTHING = Deployed(SCOPE, (), (), {})
ROUTER = Resource("api", "Router", "AWS::Lambda::Function", "router-1")
ROUTER_DEPLOYED = Deployed(SCOPE, ("api",), (ROUTER,), {})


def _assembly(*reserved: int | None) -> dict[str, Any]:
    functions = {
        f"F{index}": {
            "Type": "AWS::Lambda::Function",
            "Properties": {} if count is None else {"ReservedConcurrentExecutions": count},
        }
        for index, count in enumerate(reserved)
    }
    queue = {"Q": {"Type": "AWS::SQS::Queue"}}
    return {"Millrace-flights-prod-api": {"Resources": functions | queue}}


def _check(assembly: dict[str, Any], deployed: Deployed, unreserved: int, ours: int = 0) -> None:
    client = boto3.client("lambda", region_name="eu-west-1")
    with Stubber(client) as stub:
        limit = {"AccountLimit": {"UnreservedConcurrentExecutions": unreserved}}
        stub.add_response("get_account_settings", limit, {})
        if deployed.resources:
            found = {"ReservedConcurrentExecutions": ours} if ours else {}
            stub.add_response("get_function_concurrency", found, {"FunctionName": "router-1"})
        check_concurrency(client, assembly, deployed)
        stub.assert_no_pending_responses()


def test_reservations_of_all_templates_are_added() -> None:
    assert wanted_concurrency(_assembly(30, None, 5)) == 35


def test_without_reservations_the_account_is_not_asked() -> None:
    check_concurrency(None, _assembly(None), NOTHING)


@pytest.mark.parametrize(
    ("reserved", "deployed", "unreserved", "ours"),
    [(60, NOTHING, 160, 0), (60, ROUTER_DEPLOYED, 100, 60), (60, ROUTER_DEPLOYED, 160, 0)],
    ids=["new", "given back by the update", "deployed without"],
)
def test_what_the_quota_allows_passes(
    reserved: int, deployed: Deployed, unreserved: int, ours: int
) -> None:
    _check(_assembly(reserved), deployed, unreserved, ours)


@pytest.mark.parametrize(
    ("reserved", "deployed", "unreserved", "ours", "allowed"),
    [(61, NOTHING, 160, 0, 60), (5, NOTHING, 10, 0, 0), (61, ROUTER_DEPLOYED, 100, 60, 60)],
    ids=["one too many", "new account", "given back by the update"],
)
def test_more_than_the_quota_allows_is_refused_with_the_number(
    reserved: int, deployed: Deployed, unreserved: int, ours: int, allowed: int
) -> None:
    message = rf"reserved_concurrency: the settings reserve {reserved} .* at most {allowed} in"
    with pytest.raises(PreflightError, match=message):
        _check(_assembly(reserved), deployed, unreserved, ours)


def _ask_for_replicas(wrong: dict[str, str]) -> None:
    """Ask about the production settings' replicas; ``wrong`` has an error code by zone."""
    settings = load_deployment("prod").settings
    assert settings.replication is not None
    client = boto3.client("s3", region_name=settings.replication.region)
    owner = {"ExpectedBucketOwner": settings.replication.account}
    with Stubber(client) as stub:
        for zone, bucket in replica_buckets(settings.replication).items():
            asked, versions = {"Bucket": bucket, **owner}, "get_bucket_versioning"
            trouble = wrong.get(zone, "")
            if trouble in {"Suspended", ""} or trouble.startswith("ObjectLock"):
                status = "Suspended" if trouble == "Suspended" else "Enabled"
                stub.add_response(versions, {"Status": status}, asked)
            else:
                stub.add_client_error(versions, trouble, expected_params=asked)
                continue
            if zone == LOCKED and trouble:
                stub.add_client_error("get_object_lock_configuration", trouble)
            elif zone == LOCKED:
                lock = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
                stub.add_response("get_object_lock_configuration", lock, asked)
        check_replication(client, settings)
        stub.assert_no_pending_responses()


def test_replicas_that_are_ready_pass() -> None:
    _ask_for_replicas({})


def test_without_replication_nobody_is_asked() -> None:
    check_replication(None, load_deployment("dev").settings)


@pytest.mark.parametrize(
    ("zone", "trouble", "told"),
    [
        ("raw", "NoSuchBucket", "-raw: does not exist"),
        ("landing", "Suspended", "-landing: keeps no versions"),
        ("curated", "AccessDenied", "-curated: cannot be looked at"),
        ("features", "PermanentRedirect", "-features: is in another Region"),
        (LOCKED, "ObjectLockConfigurationNotFoundError", "-audit: has no Object Lock"),
        ("access-logs", "SlowDown", "-access-logs: SlowDown"),
    ],
)
def test_a_replica_that_is_not_ready_is_named(zone: str, trouble: str, told: str) -> None:
    with pytest.raises(PreflightError, match=told):
        _ask_for_replicas({zone: trouble})


def test_every_replica_that_is_not_ready_is_named_at_once() -> None:
    with pytest.raises(PreflightError, match=r"2 of 8 (.|\n)*-raw(.|\n)*-monitoring"):
        _ask_for_replicas({"raw": "NoSuchBucket", "monitoring": "Suspended"})


def _lists(s3: str, dynamodb: str) -> None:
    client = boto3.client("ec2", region_name="eu-west-1")
    names = ["com.amazonaws.eu-west-1.dynamodb", "com.amazonaws.eu-west-1.s3"]
    found = [
        {"PrefixListName": name, "PrefixListId": prefix_list}
        for name, prefix_list in zip(names, (dynamodb, s3), strict=True)
    ]
    with Stubber(client) as stub:
        asked = {"Filters": [{"Name": "prefix-list-name", "Values": names}]}
        stub.add_response("describe_prefix_lists", {"PrefixLists": found}, asked)
        check_prefix_lists(client, load_deployment("prod").settings)


def test_prefix_lists_of_the_region_pass() -> None:
    _lists("pl-6da54004", "pl-6fa54006")


def test_swapped_prefix_lists_are_refused_with_the_right_ids() -> None:
    with pytest.raises(PreflightError, match=r"\.s3 is pl-6fa54006, not pl-6da54004"):
        _lists("pl-6fa54006", "pl-6da54004")


def test_without_prefix_lists_the_region_is_not_asked() -> None:
    settings = load_deployment("prod").settings
    network = settings.network.model_copy(update={"prefix_lists": None})
    check_prefix_lists(None, settings.model_copy(update={"network": network}))
