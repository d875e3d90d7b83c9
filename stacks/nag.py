"""Compliance: the six cdk-nag packs, and acknowledgements of findings that cannot be fixed.

An acknowledgement stands beside the resource it is about, names one exact finding and says three
things: which constraint leaves no better choice, where that is documented, and what protects
instead. ``tests/nag`` refuses one that is unused, vague or without evidence.
"""

from __future__ import annotations

from aws_cdk import App, IPolicyValidationPlugin, Validations
from cdk_nag import (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NagPack,
    NIST80053R4Checks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)
from constructs import IConstruct

PACKS: tuple[type[NagPack], ...] = (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NIST80053R4Checks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)


def attach(app: App) -> None:
    """Make synth fail on any finding of the six packs that is not acknowledged."""
    plugins: list[IPolicyValidationPlugin] = [pack(app) for pack in PACKS]
    Validations.of(app).add_plugins(*plugins)


def acknowledge(
    construct: IConstruct,
    *findings: str,
    constraint: str,
    evidence: str,
    control: str,
) -> None:
    """Acknowledge findings on a resource, for one shared reason.

    Args:
        construct: the resource itself (an L2 covers its own L1).
        findings: exact ids, such as ``AwsSolutions-IAM5[Resource::*]``: the packs name the same
            finding differently.
        constraint: why the resource cannot comply: a sentence naming the API or the decision.
        evidence: address of the documentation page, or an ADR (``docs/adr/…``).
        control: what protects instead: a sentence.
    """
    reason = f"{constraint} Evidence: {evidence} Control: {control}"
    for finding in findings:
        _record(construct, finding, reason)


def _record(construct: IConstruct, finding: str, reason: str) -> None:
    """The one place where an acknowledgement reaches CDK; tests replace it to see every finding."""
    Validations.of(construct).acknowledge({"id": finding, "reason": reason})
