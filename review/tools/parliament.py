"""parliament over every IAM policy: managed, inline and trust policies, and the boundary.

Policies of resources are not given to it: it takes a key policy's ``*``, which means this key, for
every resource, and IAM's ``s3:TlsVersion`` of 1.2 for no number. The packs judge those.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from review.assembly import Assembly, Resource
from review.concrete import ACCOUNT, literal
from review.grants import statements
from review.tools.home import BINARIES, run
from review.tools.model import ToolFinding

NAME = "parliament"
SCRIPT = Path(__file__).with_name("parliament_script.py")


def findings(assembly: Assembly, folder: Path) -> tuple[str, list[ToolFinding]]:  # noqa: ARG001
    """Version and findings; policies are read from the assembly, with literal ARNs."""
    policies = list(_policies(assembly))
    request = json.dumps([document for _, document in policies])
    answer = json.loads(run([str(BINARIES / "python"), "-P", str(SCRIPT)], stdin=request))
    found = [
        ToolFinding(
            tool=NAME,
            rule=entry["issue"],
            title=entry["title"],
            stack=resource.stack,
            logical_id=resource.logical_id,
            name=resource.name,
            detail=entry["detail"],
        )
        for (resource, _), entries in zip(policies, answer["findings"], strict=True)
        for entry in entries
    ]
    return answer["version"], found


def _policies(assembly: Assembly) -> Iterator[tuple[Resource, dict[str, Any]]]:
    for resource in assembly.resources(
        "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"
    ):
        yield resource, literal(assembly, resource.stack, resource.properties["PolicyDocument"])
    for role in assembly.resources("AWS::IAM::Role"):
        trust = literal(assembly, role.stack, role.properties["AssumeRolePolicyDocument"])
        # A trust policy names no resource: it is about its own role.
        own = f"arn:aws:iam::{ACCOUNT}:role/{role.logical_id}"
        yield role, {**trust, "Statement": [s | {"Resource": own} for s in statements(trust)]}
        for inline in role.properties.get("Policies", []):
            yield role, literal(assembly, role.stack, inline["PolicyDocument"])
