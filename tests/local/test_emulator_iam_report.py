"""The permission report: what was used, what was not, and what only AWS would ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.emulator import iam_report
from local.emulator.iam_recorder import FILE_NAME, DecisionWriter

ROLE = "arn:aws:sts::123456789012:assumed-role/reader/session"


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


def test_what_only_aws_asks_for_is_explained_by_a_page() -> None:
    policies = _policies(_allow(["ec2:CreateNetworkInterface", "ec2:RunInstances"], "*"))
    report = iam_report.build_report([], policies, {"reader": ["lambda.amazonaws.com"]})
    assert [grant["action"] for grant in report["unused_grants"]] == ["ec2:RunInstances"]
    assert report["aws_only_grants"][0]["page"].startswith("https://docs.aws.amazon.com/lambda/")
    stranger = iam_report.build_report([], policies, {"reader": ["states.amazonaws.com"]})
    assert not stranger["aws_only_grants"]


def test_every_explanation_names_an_aws_page() -> None:
    pages = set(iam_report.aws_only_permissions().values())
    assert pages
    assert all(page.startswith("https://docs.aws.amazon.com/") for page in pages)


def test_the_record_survives_a_torn_line(tmp_path: Path) -> None:
    writer = DecisionWriter(tmp_path / FILE_NAME)
    for index in range(3):
        writer.put(_decision("s3:GetObject", f"arn:aws:s3:::b/{index}"))
    writer.close()
    with (tmp_path / FILE_NAME).open("a") as torn:
        torn.write(json.dumps(_decision("s3:GetObject", "x"))[:20])
    assert len(list(iam_report.read_decisions(tmp_path))) == 3
