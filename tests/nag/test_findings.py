"""The six packs: nothing open, nothing acknowledged without need or reason, and they are alive."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from config.load import REPOSITORY
from review.decisions import HEADER, Decision, decisions, undecided
from review.findings import VALIDATE, review, review_app
from stacks.kit.nag import acknowledge
from stacks.kit.packs import PACKS
from tests.synth import ENVIRONMENTS, templates

pytestmark = pytest.mark.cdk

SHORTEST_REASON = 120
COPIES = ("S3BucketReplicationEnabled", "DynamoDBInBackupPlan")
EVIDENCE = re.compile(r" Evidence: (\S+) Control: \S")
# A whole pack's rule family at once, or a wildcard, would hide the next finding.
EXACT_RULE = re.compile(
    r"^[A-Za-z0-9.\-]+-[A-Za-z0-9]+(\[.+\])?$|^CloudFormation-Validate::[EW]\d+$"
)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_finding_is_open(environment: str) -> None:
    assert review(environment).findings, "the packs found nothing at all: did they run?"
    assert review(environment).open == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_is_about_something(environment: str) -> None:
    assert review(environment).unused == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_gives_constraint_evidence_and_control(environment: str) -> None:
    for entry in review(environment).acknowledgements:
        assert EXACT_RULE.match(entry.rule), entry.rule
        assert len(entry.reason) >= SHORTEST_REASON, f"{entry.path}: {entry.reason}"
        evidence = EVIDENCE.search(entry.reason)
        assert evidence, f"{entry.path}: {entry.reason}"
        assert _is_evidence(evidence[1]), f"{entry.path}: {evidence[1]}"


def _is_evidence(address: str) -> bool:
    if address.startswith("https://docs.aws.amazon.com/"):
        return True
    return address.startswith("docs/adr/") and (REPOSITORY / address).is_file()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_acknowledgement_covers_a_whole_stack(environment: str) -> None:
    assert all("/" in entry.path for entry in review(environment).acknowledgements)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_rule_acknowledged_twice_on_a_type_has_a_decision(environment: str) -> None:
    assert undecided(review(environment).acknowledgements, decisions()) == {}


def test_a_decision_allows_no_more_than_is_needed() -> None:
    """One row for each pair, and its number is reached by some settings file."""
    assert len({row.pair for row in decisions()}) == len(decisions())
    counts = [
        Counter(entry.pair for entry in review(environment).acknowledgements)
        for environment in ENVIRONMENTS
    ]
    for row in decisions():
        assert row.most == max(count[row.pair] for count in counts) > 1, row


def test_a_planted_second_acknowledgement_needs_a_decision(tmp_path: Path) -> None:
    def plant(app: App) -> None:
        stack = Stack(app, "planted")
        for name in ("One", "Two"):
            queue = sqs.Queue(stack, name)
            acknowledge(queue, "AwsSolutions-SQS3", constraint="a", evidence="b", control="c")

    planted = review_app(plant).acknowledgements
    pair = ("AwsSolutions-SQS3", "AWS::SQS::Queue")
    assert undecided(planted[:1], []) == {}
    assert undecided(planted, []) == {pair: 2}
    text = f"{HEADER}\n|---|---|---|\n| `{pair[0]}` | `{pair[1]}` | 2 |\n\nMore."
    (tmp_path / "0001-queues.md").write_text(text)
    assert decisions(tmp_path) == (Decision("docs/adr/0001-queues.md", *pair, 2),)
    assert undecided(planted, decisions(tmp_path)) == {}
    assert undecided([*planted, planted[0]], decisions(tmp_path)) == {pair: 3}


def test_a_planted_violation_is_found_by_every_pack_that_knows_it() -> None:
    def plant(app: App) -> None:
        stack = Stack(app, "planted")
        s3.Bucket(stack, "Open")
        sqs.Queue(stack, "Plain")

    found = review_app(plant)
    rules = {finding.rule for finding in found.open}
    assert {"AwsSolutions-S1", "AwsSolutions-SQS4", "Serverless-SQSRedrivePolicy"} <= rules
    for prefix in ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321"):
        assert any(rule.startswith(prefix) for rule in rules), prefix
    assert len(PACKS) == 6


def test_an_acknowledgement_of_nothing_is_reported() -> None:
    def plant(app: App) -> None:
        queue = sqs.Queue(Stack(app, "planted"), "Plain")
        acknowledge(queue, "AwsSolutions-S1", constraint="a", evidence="b", control="c")

    assert [entry.rule for entry in review_app(plant).unused] == ["AwsSolutions-S1"]


def test_prod_has_few_findings_before_acknowledgements() -> None:
    """At most one for four resources and a hundred in all; resources are a reviewed baseline.

    That there are copies of buckets and tables is a capability, which prod may do without.
    """
    found = [
        finding
        for finding in review("prod").findings
        if not finding.rule.startswith(VALIDATE) and not finding.rule.endswith(COPIES)
    ]
    resources = sum(len(template["Resources"]) for template in templates("prod").values())
    assert len(found) <= min(100, 0.25 * resources)
