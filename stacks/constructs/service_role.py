"""A role that a service assumes: IAM path, permissions boundary, one customer-managed policy.

CDK's ``Role`` grants write inline policies, which three of the six compliance packs refuse and
which no key or bucket policy can name; so grants go to the managed policy, itself a grantee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct


@dataclass(frozen=True, slots=True)
class ServiceRoleProps:
    """Who assumes the role, and how a request on behalf of another account is refused."""

    service: str
    """Service principal, for example ``glue.amazonaws.com``."""
    description: str
    path: str
    """IAM path: ``Scope.role_path``."""
    boundary: iam.IManagedPolicy
    source_account: bool = True
    """Require ``aws:SourceAccount`` (not every service sends it: see the caller's reason)."""
    source_arn: str | None = None
    """Also require ``aws:SourceArn`` to match this pattern."""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further conditions of the trust policy."""


class ServiceRole(Construct):
    """Role and its one managed policy.

    Whoever uses the role depends on ``policy``: the reference alone waits for the role, and the
    services check permissions when they are given it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, props: ServiceRoleProps) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(props.service, conditions=self._trust(props)),
            description=props.description,
            path=props.path,
            permissions_boundary=props.boundary,
        )
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"Permissions: {props.description}",
            path=props.path,
            roles=[self.role],
        )

    def _trust(self, props: ServiceRoleProps) -> dict[str, dict[str, Any]]:
        conditions = {operator: dict(keys) for operator, keys in props.conditions.items()}
        if props.source_account:
            conditions.setdefault("StringEquals", {})["aws:SourceAccount"] = Stack.of(self).account
        if props.source_arn:
            conditions.setdefault("ArnLike", {})["aws:SourceArn"] = props.source_arn
        return conditions

    @property
    def fixed_role(self) -> iam.IRole:
        """The role in a form that constructs cannot add inline policies to."""
        return self.role.without_policy_updates()

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        conditions: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one statement to the managed policy."""
        self.policy.add_statements(
            iam.PolicyStatement(
                actions=list(actions),
                resources=list(resources),
                conditions=dict(conditions) if conditions else None,
            )
        )
