"""A role that a service assumes: IAM path, permissions boundary, customer-managed policies.

CDK's ``Role`` grants write inline policies, which three of the six compliance packs refuse and
which no key or bucket policy can name; so grants go to the role's own managed policy, itself a
grantee. What it has in common with other roles it attaches: see ``customer_policy``.

A service that assumes a role may say for whose resource. Which do is documented service by service,
and by a few only: a condition that asks a silent service for it keeps it out. So the account is
required of the services whose pages show such a trust policy, and of the others only if they send
it. What holds for all of them: no service can be handed a role of another account (iam:PassRole).
https://github.com/prowler-cloud/prowler/issues/2810
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy, Reason

# Services whose pages show a trust policy that asks for aws:SourceAccount and aws:SourceArn.
SAY_FOR_WHOM = {
    "sagemaker.amazonaws.com": "https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html",
    "scheduler.amazonaws.com": "https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
    "states.amazonaws.com": "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html",
    "vpc-flow-logs.amazonaws.com": "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html",
}
# Firehose is told apart by an external id, for the others nothing is documented at all.
SAY_NOTHING = frozenset(
    {"cloudformation.amazonaws.com", "firehose.amazonaws.com", "lambda.amazonaws.com"}
)


@dataclass(frozen=True, slots=True)
class ServiceRoleProps:
    """Who assumes the role, and how a request on behalf of another account is refused."""

    service: str
    """Service principal, for example ``glue.amazonaws.com``."""
    description: str
    path: str
    """IAM path: ``Scope.role_path``."""
    boundary: iam.IManagedPolicy
    source_arn: str | None = None
    """``aws:SourceArn`` has to match this pattern, too."""
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
        if props.service in SAY_NOTHING:
            return conditions
        if_sent = "" if props.service in SAY_FOR_WHOM else "IfExists"
        account = {"aws:SourceAccount": stack_of(self).account}
        conditions.setdefault(f"StringEquals{if_sent}", {}).update(account)
        if props.source_arn:
            source = {"aws:SourceArn": props.source_arn}
            conditions.setdefault(f"ArnLike{if_sent}", {}).update(source)
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
