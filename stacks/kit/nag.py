"""Answers to compliance findings that cannot be fixed; the packs are in ``stacks.kit.packs``.

An acknowledgement stands beside the resource it is about, names one exact finding and says three
things: which constraint leaves no better choice, where that is documented, and what protects
instead. ``tests/nag`` refuses one that is unused, vague or without evidence. What CDK does not run,
the checkers of ``python -m review``, is answered the same way by metadata of the resource.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from constructs import IConstruct, IValidation

# How CDK writes a reference into a string: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
TOKEN = "${Token["  # noqa: S105 - a marker, not a secret
# What ``review.tools`` reads: docs/review/README.md.
REVIEW_EXCEPTIONS = "ReviewExceptions"


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
        stack = Stack.of(construct)
        if stack not in _DEFERRED:
            _DEFERRED[stack] = _Deferred()
            stack.node.add_validation(_DEFERRED[stack])
        _DEFERRED[stack].add(construct, unresolved, reason)


def except_from_review(
    construct: IConstruct,
    *findings: str,
    constraint: str,
    evidence: str,
    control: str,
) -> None:
    """Except a resource from findings of the checkers of ``python -m review``, for one reason.

    ``review --strict`` refuses an exception without a finding, so a finding that depends on the
    settings needs an exception under the same condition.

    Args:
        construct: the resource, or the L2 construct around it.
        findings: ``<checker>:<rule>``, such as ``checkov:CKV_AWS_18``.
        constraint: as for :func:`acknowledge`.
        evidence: as for :func:`acknowledge`.
        control: as for :func:`acknowledge`.

    Raises:
        TypeError: the construct is not one resource.
    """
    resource = construct.node.default_child or construct
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{construct.node.path} is not one resource")
    reason = {"constraint": constraint, "evidence": evidence, "control": control}
    known = resource.get_metadata(REVIEW_EXCEPTIONS) or []
    added = [{"finding": finding, **reason} for finding in findings]
    resource.add_metadata(REVIEW_EXCEPTIONS, [*known, *added])


@jsii.implements(IValidation)
class _Deferred:
    """Acknowledges a stack's findings whose ids hold references, once synth has resolved them.

    A reference to another stack becomes an output only after all constructs exist; validation is
    the first hook after that, and it comes before the packs run. One hook for all of a stack: Node
    calling back into Python costs more than any other call.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[IConstruct, list[str], str]] = []

    def add(self, construct: IConstruct, findings: list[str], reason: str) -> None:
        """Remember findings of a construct until :meth:`validate`."""
        self._waiting.append((construct, findings, reason))

    def validate(self) -> list[str]:
        """Record the resolved ids; never an error of its own."""
        stack = Stack.of(self._waiting[0][0])
        resolved = stack.resolve([findings for _, findings, _ in self._waiting])
        for (construct, _, reason), ids in zip(self._waiting, resolved, strict=True):
            _record(construct, [flatten(finding) for finding in ids], reason)
        return []


_DEFERRED: WeakKeyDictionary[Stack, _Deferred] = WeakKeyDictionary()


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
