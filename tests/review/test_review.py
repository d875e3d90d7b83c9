"""The review of the real deployments: nothing unnamed, a page that loads nothing, valid SARIF."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from review import data, findings, sarif
from review.changes import blocking
from review.collect import Collected, collect
from review.decisions import decided
from review.page.render import render
from review.tools.model import ToolFinding, ToolRun

pytestmark = pytest.mark.cdk

REVIEWED = ("dev", "prod")
SARIF_SCHEMA = Path(__file__).with_name("sarif-2.1.0.schema.json")


@cache
def collected(environment: str) -> Collected:
    return collect(environment, with_tools=False)


@pytest.mark.parametrize("environment", REVIEWED)
def test_the_baseline_names_every_privilege_opening_and_resource(environment: str) -> None:
    changes = collected(environment).changes
    assert changes is not None, f"docs/review/{environment}.baseline.yaml is missing"
    unnamed = "\n".join(map(str, blocking(changes)))
    assert not unnamed, f"review them, then make review ENV={environment} ACCEPT=yes:\n{unnamed}"


@pytest.mark.parametrize("environment", REVIEWED)
def test_the_review_sees_what_is_there(environment: str) -> None:
    """A reader that finds nothing would make every other check pass."""
    found = collected(environment)
    assert len(found.roles) >= 20
    assert {grant.kind for grant in found.grants} == {
        "boundary", "endpoint", "identity", "resource", "trust",
    }  # fmt: skip
    assert {w.kind for held in found.network.groups.values() for w in held} == {
        "Glue job", "SageMaker job", "endpoint", "function",
    }  # fmt: skip
    assert {store.type for store in found.encryption} >= {
        "AWS::S3::Bucket", "AWS::KinesisFirehose::DeliveryStream", "AWS::SQS::Queue",
        "SageMaker job",
    }  # fmt: skip
    assert not [r for g in found.grants for r in g.resources if "GetStackOutput" in r]


@pytest.mark.parametrize("environment", REVIEWED)
def test_every_key_that_is_not_ours_has_a_reason(environment: str) -> None:
    unexplained = [s for s in collected(environment).encryption if not s.ours and not s.reason]
    assert unexplained == []


@pytest.mark.parametrize("environment", REVIEWED)
def test_no_role_is_without_boundary_and_no_action_is_a_wildcard(environment: str) -> None:
    summary = data.summary(collected(environment))
    assert summary["wildcard_actions"] == 0
    assert all(role.boundary for role in collected(environment).roles)


def _with_a_tool(environment: str) -> Collected:
    finding = ToolFinding("checkov", "CKV_1", "A <rule>", "network", "Vpc", "network/Vpc", "more")
    return replace(collected(environment), tools=[ToolRun("checkov", "1", "all", (finding,))])


def test_sarif_is_valid_and_holds_every_finding() -> None:
    found = _with_a_tool("prod")
    document = sarif.document(found)
    Draft4Validator(json.loads(SARIF_SCHEMA.read_text())).validate(document)
    results = [result for run in document["runs"] for result in run["results"]]
    assert len(results) == len(found.review.findings) + 1
    opened = [result for result in results if "suppressions" not in result]
    assert len(opened) == found.open


def test_the_page_loads_nothing_and_names_every_role() -> None:
    page = render(_with_a_tool("prod"))
    assert not re.search(r"<(?:link|img|iframe|object|embed|base)\b|\bsrc=|@import|url\(", page)
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|sendBeacon", page)
    for role in collected("prod").roles:
        assert role.name in page
    assert "A &lt;rule&gt;" in page


def test_two_builds_give_the_same_bytes() -> None:
    first = _with_a_tool("prod")
    findings.review.cache_clear()
    second = replace(collect("prod", with_tools=False), tools=first.tools)
    assert second.review.assembly != first.review.assembly
    for form in (render, data.document, sarif.document):
        assert json.dumps(form(first)) == json.dumps(form(second))


def test_tables_have_a_line_for_each_finding_and_each_grant() -> None:
    found = _with_a_tool("prod")
    rows = data.table(data.FINDING_COLUMNS, data.finding_rows(found)).splitlines()
    assert len(rows) == len(found.review.findings) + 2
    expected = sum(1 for grant in found.grants for _ in grant.atoms())
    assert len(list(data.iam_rows(found))) == expected


def test_the_page_shows_the_decision_beside_the_reason() -> None:
    """Every acknowledgement of a pair that an ADR decides about, and no other."""
    rows = data.finding_rows(collected("prod"))
    told = {row["decision"] for row in rows if row["rule"] == "AwsSolutions-IAM5"}
    assert told == {"docs/adr/0036-patterns-in-resource-names.md"}
    assert {row["decision"] for row in rows if row["rule"] == "AwsSolutions-SQS3"} == {""}
    page = render(collected("prod"))
    assert page.count("<dt>Decided in</dt>") == sum(
        1
        for reason in {e.reason for e in collected("prod").review.acknowledgements}
        if any(decided(e) for e in collected("prod").review.acknowledgements if e.reason == reason)
    )
