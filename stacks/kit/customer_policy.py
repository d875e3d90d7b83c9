"""A customer-managed policy: one role's own, or one that several roles attach.

What several roles need stands once, in a shared policy, so that a reviewer reads it once. Two rules
keep sharing from widening: a role attaches a policy only if it needs all of it, and the policy
belongs to a stack before all of its users, which is where the edges between stacks point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.nag import acknowledge


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a statement names resources by a pattern: see ``stacks.kit.nag.acknowledge``."""

    constraint: str
    evidence: str
    control: str


class CustomerPolicy(iam.ManagedPolicy):
    """The policy; CDK's own grants take it, too, because a managed policy is a grantee."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        path: str | None = None,
        roles: Sequence[iam.IRole] = (),
    ) -> None:
        """Create the policy, empty.

        Args:
            scope: parent construct.
            construct_id: says what a shared policy is for, such as ``FunctionRuntime``.
            description: one sentence shown in the console.
            path: IAM path; that of the deployment's roles by default.
            roles: the role that owns the policy; roles that share it attach it themselves.
        """
        super().__init__(
            scope,
            construct_id,
            description=description,
            path=path or stack_of(scope).names.role_path,
            roles=list(roles),
        )

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        conditions: Mapping[str, Any] | None = None,
        *,
        reason: Reason | None = None,
    ) -> None:
        """Add one statement; ``reason`` acknowledges each resource of it that is a pattern.

        A pattern that occurs in several statements of a policy is one finding: give one reason.
        """
        self.add_statements(
            iam.PolicyStatement(
                actions=list(actions),
                resources=list(resources),
                conditions=dict(conditions) if conditions else None,
            )
        )
        patterns = [resource for resource in resources if "*" in resource]
        if reason and patterns:
            findings = (f"AwsSolutions-IAM5[Resource::{pattern}]" for pattern in patterns)
            acknowledge(self, *findings, **asdict(reason))
