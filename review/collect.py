"""Everything the review says about one deployment, collected once.

One build in this process gives both the findings before acknowledgements and the templates that
all else is derived from, so the parts of the page cannot be about different commits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from config.differences import Difference, differences
from config.load import load_deployment
from review import facts, findings
from review.assembly import Assembly
from review.changes import Change, compare
from review.classified import Column, columns
from review.encryption import Encrypted, encryption_map
from review.exercised import Exercise, exercise
from review.facts import Facts
from review.findings import PACK_NAMES, VALIDATE, Finding, Review
from review.grants import Grant
from review.iam import Role, roles
from review.reachability import Reachability, prefix_lists, reachability
from review.tools.model import ToolException, ToolRun, exceptions, unused
from review.tools.run import run_all

PER_RESOURCE_AIM = 0.25
TOTAL_AIM = 100


@dataclass(frozen=True, slots=True)
class Collected:
    """What the page, its data and the checks are made of."""

    environment: str
    settings: dict[str, Any]
    assembly: Assembly
    review: Review
    facts: Facts
    changes: list[Change] | None
    """None before the first review."""
    roles: list[Role]
    exercise: Exercise | None
    network: Reachability
    encryption: list[Encrypted]
    columns: list[Column]
    tools: list[ToolRun] | None
    """None when the checkers were left out."""
    unused_exceptions: list[ToolException]
    differences: list[Difference]
    """Settings of prod (``base``) and dev (``other``) that differ."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All grants of all policies."""
        return self.facts.grants

    @property
    def pack_findings(self) -> list[Finding]:
        """Findings of the six packs; CloudFormation's own validation is counted apart."""
        return [f for f in self.review.findings if not f.rule.startswith(VALIDATE)]

    @property
    def by_pack(self) -> dict[str, int]:
        """Number of findings by pack, also of packs without any."""
        found = Counter(finding.pack for finding in self.review.findings)
        return {name: found[name] for name in PACK_NAMES.values()}

    @property
    def resources(self) -> int:
        """How many resources the templates declare."""
        return sum(self.facts.resources.values())

    @property
    def per_resource(self) -> float:
        """Findings of the six packs by resource."""
        return len(self.pack_findings) / self.resources

    @property
    def open(self) -> int:
        """Findings that nobody answers for: of the packs and of the checkers."""
        return len(self.review.open) + sum(len(run.open) for run in self.tools or [])


def collect(environment: str, *, with_tools: bool = True) -> Collected:
    """Build the deployment and derive everything; takes half a minute, the checkers as long again.

    Raises:
        ToolError: a checker could not run.
        ConfigurationError: the settings or the contract are wrong.
    """
    deployment = load_deployment(environment)
    found = findings.review(environment)
    assembly = Assembly.read(found.assembly)
    now = facts.collect(environment, assembly, deployment.contract, found.acknowledgements)
    reviewed = facts.read(facts.baseline_path(environment))
    every_role = roles(assembly)
    stores = encryption_map(assembly, found.acknowledgements)
    runs = run_all(assembly) if with_tools else None
    return Collected(
        environment=environment,
        settings=deployment.settings.model_dump(mode="json"),
        assembly=assembly,
        review=found,
        facts=now,
        changes=compare(reviewed, now) if reviewed else None,
        roles=every_role,
        exercise=exercise(assembly, every_role),
        network=reachability(assembly, prefix_lists(deployment.settings)),
        encryption=stores,
        columns=columns(deployment.contract, stores),
        tools=runs,
        unused_exceptions=unused(runs, exceptions(assembly)) if runs is not None else [],
        differences=differences(load_deployment("prod").settings, load_deployment("dev").settings),
    )
