"""The permission report: what was used, what was not, and what only AWS would ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.emulator import iam_report
from local.emulator.iam_recorder import FILE_NAME, VIA_SERVICE, DecisionWriter

ROLE = "arn:aws:sts::123456789012:assumed-role/reader/session"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/serving/*"


def _decision(action: str, resource: str, decision: str = "Allow", **more: Any) -> dict[str, Any]:
    return {
        "principal": ROLE, "action": action, "resource": resource, "decision": decision,
        "via": "request",
    } | more  # fmt: skip


def _policies(*statements: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    return {"reader": {"policy": {"Statement": list(statements)}}}


def _allow(actions: Any, resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


@pytest.mark.parametrize(
    ("action", "resource", "called", "on", "used"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/*", "s3:GetObject", "arn:aws:s3:::b/k", True),
        ("s3:Get*", "arn:aws:s3:::b/*", "s3:GetObject", "arn:aws:s3:::b/k", True),
        ("S3:getobject", "*", "s3:GetObject", "arn:aws:s3:::b/k", True),
        ("s3:GetObject", "arn:aws:s3:::b/*", "s3:GetObject", "arn:aws:s3:::other/k", False),
        ("s3:GetObject", "arn:aws:s3:::b/*", "s3:GetObject", "*", False),
        ("s3:PutObject", "*", "s3:GetObject", "arn:aws:s3:::b/k", False),
    ],
)
def test_a_grant_is_used_when_action_and_resource_match(
    action: str, resource: str, called: str, on: str, used: bool
) -> None:
    report = iam_report.build_report([_decision(called, on)], _policies(_allow(action, resource)))
    assert bool(report["used_grants"]) is used
    assert bool(report["unused_grants"]) is not used


def test_a_shared_policy_counts_for_each_role_by_itself() -> None:
    """What one of its roles uses is unused in the other, which should not attach it then."""
    shared = {"read": {"Statement": [_allow("s3:GetObject", "arn:aws:s3:::b/*")]}}
    called = _decision("s3:GetObject", "arn:aws:s3:::b/k")
    report = iam_report.build_report([called], {"reader": shared, "idler": shared})
    assert [grant["role"] for grant in report["used_grants"]] == ["reader"]
    assert [grant["role"] for grant in report["unused_grants"]] == ["idler"]


def test_a_denied_call_uses_no_grant_and_is_counted() -> None:
    denied = _decision("s3:GetObject", "arn:aws:s3:::b/k", "ImplicitDeny")
    report = iam_report.build_report([denied, denied], _policies(_allow("s3:*", "*")))
    assert report["calls"] == 2
    assert report["denied"][0]["count"] == 2
    assert report["denied"][0]["principal"] == "reader"
    assert not report["used_grants"]


def _listed(holder: iam_report.Holder) -> list[str]:
    """Actions of the planted grants that the table lists, for a role that is this holder."""
    queue = "arn:aws:sqs:eu-west-1:123456789012:dead-letters"
    through = {
        "StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"},
        "StringEqualsIfExists": {"kms:EncryptionContext:aws:sqs:arn": queue},
    }
    policies = _policies(
        _allow("ec2:CreateNetworkInterface", "*"),
        _allow("ec2:DeleteNetworkInterface", "arn:aws:ec2:eu-west-1:123456789012:*/*"),
        _allow("ec2:RunInstances", "*"),
        _allow("kms:Decrypt", KEY) | {"Condition": through},
        _allow("kms:GenerateDataKey", KEY),
    )
    report = iam_report.build_report([], policies, {"reader": holder})
    assert len(report["unused_grants"]) + len(report["listed_grants"]) == 5
    return [grant["action"] for grant in report["listed_grants"]]


def test_a_grant_is_listed_if_action_resource_and_condition_fit_an_entry() -> None:
    holder = iam_report.Holder(("lambda.amazonaws.com",))
    assert _listed(holder) == ["ec2:CreateNetworkInterface", "kms:Decrypt"]


def test_another_principal_needs_what_its_own_entries_say() -> None:
    assert _listed(iam_report.Holder(("states.amazonaws.com",))) == []


def test_what_is_listed_comes_with_page_reason_and_proof() -> None:
    policies = _policies(_allow("cloudformation:DescribeStackEvents", STACK))
    for place, found in (("training/FunctionsRollout", 1), ("api/Router", 0)):
        holder = iam_report.Holder(("lambda.amazonaws.com",), place)
        listed = iam_report.build_report([], policies, {"reader": holder})["listed_grants"]
        assert len(listed) == found
    holder = iam_report.Holder(("lambda.amazonaws.com",), "training/FunctionsRollout")
    (grant,) = iam_report.build_report([], policies, {"reader": holder})["listed_grants"]
    assert grant["page"].startswith("https://docs.aws.amazon.com/")
    assert grant["why"]
    assert grant["proven_by"].startswith("tests/local/")


def test_each_resource_of_a_statement_is_a_grant() -> None:
    called = _decision("s3:GetObject", "arn:aws:s3:::b/k")
    policies = _policies(_allow("s3:GetObject", ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"]))
    report = iam_report.build_report([called], policies)
    assert [grant["resource"] for grant in report["used_grants"]] == ["arn:aws:s3:::b/*"]
    assert [grant["resource"] for grant in report["unused_grants"]] == ["arn:aws:s3:::c/*"]


def test_a_key_used_through_one_service_is_unused_through_another() -> None:
    def through(service: str) -> dict[str, Any]:
        return _allow("kms:Decrypt", KEY) | {"Condition": {"StringEquals": {VIA_SERVICE: service}}}

    called = _decision("kms:Decrypt", KEY, **{VIA_SERVICE: "sns.eu-west-1.amazonaws.com"})
    policies = _policies(through("sns.eu-west-1.amazonaws.com"), through("sqs.eu-west-1.x"))
    report = iam_report.build_report([called], policies)
    assert len(report["used_grants"]) == len(report["unused_grants"]) == 1
    assert report["unused_grants"][0]["conditions"][0][2] == ("sqs.eu-west-1.x",)


def test_the_record_survives_a_torn_line(tmp_path: Path) -> None:
    writer = DecisionWriter(tmp_path / FILE_NAME)
    for index in range(3):
        writer.put(_decision("s3:GetObject", f"arn:aws:s3:::b/{index}"))
    writer.close()
    with (tmp_path / FILE_NAME).open("a") as torn:
        torn.write(json.dumps(_decision("s3:GetObject", "x"))[:20])
    assert len(list(iam_report.read_decisions(tmp_path))) == 3
