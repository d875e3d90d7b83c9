"""A role that a service assumes: IAM path, permissions boundary, customer-managed policies.

CDK's ``Role`` grants write inline policies, which three of the six compliance packs refuse and
which no key or bucket policy can name; so grants go to the role's own managed policy, itself a
grantee. What it has in common with other roles it attaches: see ``customer_policy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.customer_policy import CustomerPolicy, Reason


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
    policies: Sequence[CustomerPolicy] = ()
    """Shared policies, each of which the role needs as a whole; IAM attaches ten at most."""


class ServiceRole(Construct):
    """Role, the managed policy of its own and the shared ones it attaches.

    Whoever uses the role depends on ``policy``: the reference alone waits for the role (and so for
    the shared policies that it names), and services check permissions when they are given it.
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
            managed_policies=list(props.policies),
        )
        self.policy = CustomerPolicy(
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

    @property
    def arn(self) -> str:
        """ARN of the role, for what names it."""
        return self.role.role_arn

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        conditions: Mapping[str, Any] | None = None,
        *,
        reason: Reason | None = None,
    ) -> None:
        """Add one statement to the role's own policy: see ``CustomerPolicy.allow``."""
        self.policy.allow(actions, resources, conditions, reason=reason)
