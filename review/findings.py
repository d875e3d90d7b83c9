"""Build the app of a settings file with no acknowledgement in force, and list every finding.

Findings are counted before acknowledgements: what was excused is still a finding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from unittest import mock

from aws_cdk import App, CfnResource
from constructs import IConstruct

from config.load import REPOSITORY, load_deployment
from stacks.application import build
from stacks.kit import nag, packs

VALIDATE = "CloudFormation-Validate"


PACK_NAMES = {
    "AwsSolutions": "AWS Solutions",
    "HIPAA.Security": "HIPAA Security",
    "NIST.800.53.R4": "NIST 800-53 R4",
    "NIST.800.53.R5": "NIST 800-53 R5",
    "PCI.DSS.321": "PCI DSS 3.2.1",
    "Serverless": "Serverless",
    VALIDATE: "CloudFormation validation",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a resource breaks."""

    rule: str
    path: str

    @property
    def pack(self) -> str:
        """The pack that the rule belongs to."""
        return next(name for prefix, name in PACK_NAMES.items() if self.rule.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A finding that a construct says it has to live with."""

    rule: str
    path: str
    reason: str
    type: str
    """CloudFormation type of the resource; the path's own if the construct holds several."""

    @property
    def pair(self) -> tuple[str, str]:
        """Rule (without the detail in brackets) and resource type."""
        return self.rule.partition("[")[0], self.type

    @property
    def parts(self) -> tuple[str, str, str]:
        """Constraint, evidence and control, as ``stacks.kit.nag.acknowledge`` was given them."""
        constraint, _, rest = self.reason.partition(" Evidence: ")
        evidence, _, control = rest.partition(" Control: ")
        return constraint, evidence, control

    def covers(self, finding: Finding) -> bool:
        """Same rule, on this construct or below it."""
        below = finding.path == self.path or finding.path.startswith(f"{self.path}/")
        return below and finding.rule == self.rule


@dataclass(frozen=True, slots=True)
class Review:
    """Everything the packs find without acknowledgements, and all acknowledgements."""

    findings: tuple[Finding, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    assembly: Path
    """Where the templates of this very build were written."""

    @property
    def open(self) -> list[Finding]:
        """Findings nobody acknowledges."""
        return [f for f in self.findings if self.acknowledgement(f) is None]

    def acknowledgement(self, finding: Finding) -> Acknowledgement | None:
        """The one that covers a finding, None for an open finding."""
        return next((a for a in self.acknowledgements if a.covers(finding)), None)

    @property
    def unused(self) -> list[Acknowledgement]:
        """Acknowledgements of nothing."""
        return [a for a in self.acknowledgements if not any(a.covers(f) for f in self.findings)]


@cache
def review(environment: str) -> Review:
    """Review one settings file; cached, because it takes seconds."""
    return review_app(lambda app: build(app, load_deployment(environment)))


def review_app(compose: Callable[[App], object]) -> Review:
    """Review any app: synthesise it without packs, then run each pack over the tree."""
    acknowledgements: list[Acknowledgement] = []

    def collect(construct: IConstruct, rules: Sequence[str], reason: str) -> None:
        path, kind = construct.node.path, _type(construct)
        acknowledgements.extend(Acknowledgement(rule, path, reason, kind) for rule in rules)

    outdir = Path(mkdtemp(prefix="millrace-nag-"))
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    app = App(analytics_reporting=False, context=context, outdir=str(outdir))
    with mock.patch.object(nag, "_record", collect):
        compose(app)
        app.synth()
        findings = [*_packs(app), *_validation(outdir)]
    return Review(tuple(findings), tuple(acknowledgements), outdir)


def _type(construct: IConstruct) -> str:
    resource = construct.node.default_child or construct
    return resource.cfn_resource_type if isinstance(resource, CfnResource) else construct.node.path


def _packs(app: App) -> list[Finding]:
    return [
        Finding(violation.rule_name, resource.construct_path or "")
        for pack in packs.PACKS
        for violation in pack(app).validate_scope(app).violations
        for resource in violation.violating_resources
    ]


def _validation(outdir: Path) -> list[Finding]:
    """What CDK's own template validation reports, warnings included."""
    path = outdir / "validation-report.json"
    if not path.is_file():
        return []
    report = json.loads(path.read_text())
    return [
        Finding(f"{VALIDATE}::{violation['ruleName']}", construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
