"""Exceptions beside resources are whole, and the demo's record of grants is what the page reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import REPOSITORY
from local.demo.iam_grants import by_role
from review.assembly import Assembly
from review.tools.control_tower import _findings
from review.tools.model import ToolError, ToolFinding, exceptions
from review.tools.planted import STACK, planted, without
from review.tools.run import CHECKERS
from tests.synth import ENVIRONMENTS, assembly

SHORTEST = 20


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_exception_names_a_checker_and_gives_its_reasons(environment: str) -> None:
    for entry in exceptions(Assembly.read(assembly(environment))):
        tool, _, rule = entry.finding.partition(":")
        assert tool in CHECKERS, entry
        assert rule and "*" not in rule, entry
        assert len(entry.constraint) >= SHORTEST and len(entry.control) >= SHORTEST, entry
        evidence = entry.evidence
        is_adr = evidence.startswith("docs/adr/") and (REPOSITORY / evidence).is_file()
        assert is_adr or evidence.startswith("https://"), entry


def test_a_checker_that_misses_the_planted_stack_has_not_run() -> None:
    assert STACK in planted(Assembly({}, {})).templates
    own, theirs = (
        ToolFinding("checkov", "CKV_1", "", stack, "Bucket", "") for stack in ("lake", STACK)
    )
    assert without("checkov", [own, theirs]) == [own]
    with pytest.raises(ToolError, match="checkov found nothing"):
        without("checkov", [own])


def test_an_action_that_one_statement_served_is_exercised_but_what_is_left_is_told() -> None:
    grant = {"role": "role-1", "action": "s3:GetObject"}
    left = {"role": "role-1", "action": "s3:ListBucket"}
    found = {
        "used_grants": [grant],
        "unused_grants": [grant, left],
        "listed_grants": [
            {**grant, "page": "p"},
            {**grant, "action": "kms:Decrypt", "page": "q"},
        ],
    }
    assert by_role(found, {"role-1": ("training", "Role")}) == [
        {
            "stack": "training",
            "logical_id": "Role",
            "exercised": ["s3:GetObject"],
            "listed": {"kms:Decrypt": "q"},
            "unused": ["s3:GetObject", "s3:ListBucket"],
        }
    ]


def test_a_control_is_read_from_the_message_and_its_resources_from_the_paths() -> None:
    """The shape that cfn-guard 3.1 prints for a rule that two resources break."""
    broken = {
        "Rule": {
            "name": "sqs_dlq_check",
            "messages": {"custom_message": None},
            "checks": [
                {"messages": {"custom_message": "[CT.SQS.PR.1]: Require a queue\n [FIX]: x"},
                 "check": {"from": {"path": f"/Resources/{name}/Properties"}}}
                for name in ("One", "Two")
            ],
        }
    }  # fmt: skip
    found = list(_findings(Assembly({}, {}), Path("/x/lake.template.json"), broken))
    assert [(f.rule, f.title, f.name) for f in found] == [
        ("CT.SQS.PR.1", "Require a queue", "lake/One"),
        ("CT.SQS.PR.1", "Require a queue", "lake/Two"),
    ]
