"""A stack made to fail, run beside the deployment's own: it proves that each checker looks.

A checker that reads no template, or whose answer changed its form, would report a clean deployment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from review.assembly import Assembly
from review.tools.model import ToolError, ToolFinding

STACK = "planted-violations"
_TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "PublicRead"}},
        "Policy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "s3:Get", "Resource": "*"}],
                },
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"NoSuchProperty": 1}},
    }
}


def planted(assembly: Assembly) -> Assembly:
    """The assembly with the stack added."""
    return replace(assembly, templates={**assembly.templates, STACK: _TEMPLATE})


def without(tool: str, findings: Iterable[ToolFinding]) -> list[ToolFinding]:
    """The findings of the deployment itself.

    Raises:
        ToolError: the checker found nothing in the planted stack.
    """
    found = list(findings)
    own = [finding for finding in found if finding.stack != STACK]
    if len(own) == len(found):
        raise ToolError(f"{tool} found nothing in a stack made to fail: its answer was not read")
    return own
