"""Acknowledgements of compliance findings that cannot be fixed; the packs are in ``stacks.packs``.

An acknowledgement stands beside the resource it is about, names one exact finding and says three
things: which constraint leaves no better choice, where that is documented, and what protects
instead. ``tests/nag`` refuses one that is unused, vague or without evidence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsii
from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct, IValidation

# How CDK writes a reference into a string: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
TOKEN = "${Token["  # noqa: S105 - a marker, not a secret


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
    known = [finding for finding in findings if TOKEN not in finding]
    if known:
        _record(construct, known, reason)
    unresolved = [finding for finding in findings if TOKEN in finding]
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
        resolved = Stack.of(self._construct).resolve(self._findings)
        _record(self._construct, [flatten(finding) for finding in resolved], self._reason)
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


def _record(construct: IConstruct, findings: Sequence[str], reason: str) -> None:
    """The one place where acknowledgements reach CDK; tests replace it to see every finding.

    All findings in one call: each call to CDK crosses to its Node process and back.
    """
    entries = (Acknowledgment(id=finding, reason=reason) for finding in findings)
    Validations.of(construct).acknowledge(*entries)
