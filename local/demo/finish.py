"""Collects what the platform recorded during the run, and writes the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from local.demo import iam_grants
from local.demo.report.build import build
from local.demo.report.collect import deployed_stacks, with_handling
from local.demo.report.model import Iam, Resources
from local.demo.report.page import render
from local.demo.runner import Told
from local.demo.story import Story
from local.emulator import classification, iam_report

DENIALS_SHOWN = 40
NAMES_SHOWN = 12
ENFORCEMENT = (
    "Every request to the platform is checked against the policies, boundary and resource "
    "policies of its caller, as deployed; work that a service does with a role (Firehose, Step "
    "Functions, EventBridge, SageMaker, Glue) is checked against that role. A grant that no call "
    "used stands in docs/aws-required-grants.yaml, with the page of AWS that asks for it; one that "
    "does not fails the run."
)


def collect(story: Story) -> None:
    """Read the platform's records while everything is still deployed."""
    story.forget_deployed()
    story.findings.resources = _resources(story)
    story.findings.granted = iam_grants.granted(story)
    found = story.findings.resources
    story.say(
        f"resources: {found.executed} executed, {found.emulated} emulated, "
        f"{found.recorded} recorded only"
    )


def permissions(story: Story) -> None:
    """What the roles were granted and used, from the first call to the tear-down's last."""
    story.findings.iam = iam = _iam(story)
    story.say(
        f"IAM: {iam.principals_enforced} principals, {iam.calls:,} decisions, {iam.denied} denied, "
        f"{iam.unused_grants} grants unused"
    )


def _resources(story: Story) -> Resources:
    story.findings.stacks = deployed_stacks(story)
    by_type: dict[str, dict[str, Any]] = {}
    names: dict[str, list[str]] = defaultdict(list)
    for resource in story.deployed.resources:
        kind, why = classification.classify(resource.type)
        entry = by_type.setdefault(resource.type, {"count": 0, "handling": kind, "why": why})
        entry["count"] += 1
        names[resource.type].append(resource.logical_id)
    for resource_type, entry in by_type.items():
        entry["names"] = sorted(names[resource_type])[:NAMES_SHOWN]
    handling = {name: entry["handling"] for name, entry in by_type.items()}
    with_handling(story.findings.stacks, story.deployed, handling)
    totals: Counter[str] = Counter()
    for entry in by_type.values():
        totals[entry["handling"]] += entry["count"]
    return Resources(
        executed=totals["executed"], emulated=totals["emulated"], recorded=totals["recorded"],
        by_type=dict(sorted(by_type.items())),
    )  # fmt: skip


def assert_grants(story: Story) -> None:
    """Every grant was used, or AWS needs it and the table says why.

    Raises:
        UnusedGrantError: some were not; the message names them.
    """
    iam_grants.assert_used_or_listed(story.findings.unused)


def _iam(story: Story) -> Iam:
    found = iam_grants.used(story)
    iam_grants.write(story, found)
    story.findings.unused = iam_grants.unused(story, found)
    denied: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    unused: Counter[str] = Counter(grant["role"] for grant in found["unused_grants"])
    for denial in found["denied"]:
        denied[denial["principal"]] += denial["count"]
    for decision in iam_report.read_decisions(story.platform.state_dir):
        calls[iam_report.principal_name(decision["principal"])] += 1
    principals = sorted(found["principals_enforced"].keys() | unused.keys())
    return Iam(
        principals_enforced=len(found["principals_enforced"]),
        calls=found["calls"],
        denied=sum(denied.values()),
        unused_grants=len(found["unused_grants"]),
        by_principal=[
            {"principal": name, "calls": calls[name], "denied": denied[name],
             "unused": unused[name]}
            for name in principals
        ],
        denials=[
            {"principal": d["principal"], "action": d["action"], "resource": d["resource"],
             "times": d["count"]}
            for d in found["denied"][:DENIALS_SHOWN]
        ],
        notes=[ENFORCEMENT],
    )  # fmt: skip


def write(story: Story, told: Told) -> None:
    """Write ``report.json`` and ``report.html``."""
    report = build(story, told)
    (story.output / "report.json").write_text(
        report.model_dump_json(indent=2) + "\n", encoding="utf-8"
    )
    (story.output / "report.html").write_text(render(report), encoding="utf-8")
