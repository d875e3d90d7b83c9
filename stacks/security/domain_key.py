"""A customer key of one domain, usable through named services only.

The key policy, not only the callers' policies, says who may use it. IAM's account-wide delegation
is limited to administration; use is granted to this deployment's roles, recognised by their IAM
path, and to service principals under confused-deputy conditions. No later stack is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.kit.base_stack import BaseStack, stack_of
from stacks.kit.log_group import removal_policy

# Administration is delegated to IAM; using the key to read or write data is not among it.
ADMINISTRATION_ACTIONS = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:ListRetirableGrants",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
USE_ACTIONS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """A service principal that uses the key by itself, not on behalf of a role."""

    principal: str
    actions: Sequence[str]
    conditions: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CallerUse:
    """Roles outside the deployment that use the key through one service, as far as IAM lets them.

    What the caller of a service needs, where the service works with its caller's rights.
    """

    service: str
    actions: Sequence[str]
    account: str
    conditions: dict[str, dict[str, Any]]
    """Besides those that name service and account."""


@dataclass(frozen=True, slots=True)
class DomainKeyProps:
    """What the key protects and through which services."""

    purpose: str
    via: Sequence[str]
    """Service names for ``kms:ViaService``, such as ``s3``."""
    outsiders: Sequence[str] = USE_ACTIONS
    """What IAM may grant to principals that are not roles of this deployment."""
    grants_via: Sequence[str] = ()
    """Services that need a grant because they go on using the key after the call."""
    services: Sequence[ServiceUse] = ()
    callers: Sequence[CallerUse] = ()


class DomainKey(Construct):
    """The key (rotated yearly) and its policy."""

    def __init__(self, scope: Construct, construct_id: str, *, props: DomainKeyProps) -> None:
        super().__init__(scope, construct_id)
        stack = stack_of(self)
        self._stack = stack
        self._root = iam.AccountRootPrincipal()
        self.key = kms.Key(
            self,
            "Key",
            description=f"Millrace {stack.names.instance} {stack.names.environment}: "
            f"{props.purpose}",
            enable_key_rotation=True,
            rotation_period=Duration.days(365),
            removal_policy=removal_policy(stack.settings),
            policy=iam.PolicyDocument(
                statements=[
                    _allow(self._root, ADMINISTRATION_ACTIONS),
                    grants_for_services_only(),
                    *self._use(props),
                    *self._grants(props),
                    *(
                        _allow(iam.ServicePrincipal(use.principal), use.actions, use.conditions)
                        for use in props.services
                    ),
                    *(self._use_of(caller) for caller in props.callers),
                ]
            ),
        )

    def _use(self, props: DomainKeyProps) -> list[iam.PolicyStatement]:
        through = via_service(self._stack, props.via)
        ours = {"ArnLike": {"aws:PrincipalArn": self._stack.roles_arn}}
        return [
            _allow(self._root, USE_ACTIONS, through | ours),
            _allow(self._root, props.outsiders, through),
        ]

    def _use_of(self, caller: CallerUse) -> iam.PolicyStatement:
        through = via_service(self._stack, [caller.service], caller.account)
        principal = iam.AccountPrincipal(caller.account)
        return _allow(principal, caller.actions, through | caller.conditions)

    def _grants(self, props: DomainKeyProps) -> list[iam.PolicyStatement]:
        """Only a service can make a call that is for a resource of its own.

        Which service is compared if the call says so: some make it with their caller's rights,
        others with a session of the role that they were handed.
        """
        if not props.grants_via:
            return []
        conditions = via_service(self._stack, props.grants_via)
        services = {"kms:ViaService": conditions["StringEquals"].pop("kms:ViaService")}
        conditions |= {
            "Bool": {"kms:GrantIsForAWSResource": "true"},
            "StringEqualsIfExists": services,
        }
        return [_allow(self._root, ["kms:CreateGrant"], conditions)]


def _allow(
    principal: iam.IPrincipal,
    actions: Sequence[str],
    conditions: dict[str, dict[str, Any]] | None = None,
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions), principals=[principal], resources=["*"], conditions=conditions
    )


def grants_for_services_only() -> iam.PolicyStatement:
    """A grant lasts until it is retired and no policy shows it: only AWS services may make one.

    They do so by themselves, or with their caller's rights for a resource of theirs.
    """
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=["kms:CreateGrant"],
        principals=[iam.AnyPrincipal()],
        resources=["*"],
        conditions={
            "BoolIfExists": {
                "kms:GrantIsForAWSResource": "false",
                "aws:PrincipalIsAWSService": "false",
            }
        },
    )


def via_service(
    stack: BaseStack, services: Sequence[str], account: str | None = None
) -> dict[str, dict[str, Any]]:
    """Conditions: an account (ours), and the request comes through one of the named services."""
    return {
        "StringEquals": {
            "kms:CallerAccount": account or stack.account,
            "kms:ViaService": [f"{name}.{stack.region}.amazonaws.com" for name in services],
        }
    }
