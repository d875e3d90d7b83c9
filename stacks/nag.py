"""Compliance: the six cdk-nag packs, and acknowledgements of findings that cannot be fixed.

An acknowledgement stands beside the resource it is about, names one exact finding and says three
things: which constraint leaves no better choice, where that is documented, and what protects
instead. ``tests/nag`` refuses one that is unused, vague or without evidence.
"""

from __future__ import annotations

import json
from typing import Any

import jsii
from aws_cdk import Acknowledgment, App, IPolicyValidationPlugin, Stack, Token, Validations
from cdk_nag import (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NagPack,
    NIST80053R4Checks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)
from constructs import IConstruct, IValidation

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
    known = [finding for finding in findings if not Token.is_unresolved(finding)]
    for finding in known:
        _record(construct, finding, reason)
    unresolved = [finding for finding in findings if finding not in known]
    if unresolved:
        construct.node.add_validation(_Deferred(construct, unresolved, reason))


@jsii.implements(IValidation)
class _Deferred:
    """Acknowledges findings whose ids hold references, once synth has resolved them.

    A reference to another stack becomes an output only after all constructs exist; validation is
    the first hook after that, and it comes before the packs run.
    """

    def __init__(self, construct: IConstruct, findings: list[str], reason: str) -> None:
        self._construct = construct
        self._findings = findings
        self._reason = reason

    def validate(self) -> list[str]:
        """Record the resolved ids; never an error of its own."""
        stack = Stack.of(self._construct)
        for finding in self._findings:
            _record(self._construct, flatten(stack.resolve(finding)), self._reason)
        return []


def flatten(value: Any) -> str:
    """A resolved reference in the form that cdk-nag puts into finding ids."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    if isinstance(value, dict):
        if "Fn::Join" in value:
            delimiter, items = value["Fn::Join"]
            return str(delimiter).join(flatten(item) for item in items)
        if "Fn::GetAtt" in value:
            resource, attribute = value["Fn::GetAtt"]
            return f"<{flatten(resource)}.{flatten(attribute)}>"
        if "Ref" in value:
            return f"<{flatten(value['Ref'])}>"
        for transparent in ("Fn::Sub", "Fn::ImportValue"):
            if transparent in value:
                return flatten(value[transparent])
    return json.dumps(value, separators=(",", ":"))


def _record(construct: IConstruct, finding: str, reason: str) -> None:
    """The one place where an acknowledgement reaches CDK; tests replace it to see every finding."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
