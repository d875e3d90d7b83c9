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

from stacks.constructs.base_stack import BaseStack
from stacks.constructs.log_group import removal_policy

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
class DomainKeyProps:
    """What the key protects and through which services."""

    purpose: str
    via: Sequence[str]
    """Service names for ``kms:ViaService``, such as ``s3``."""
    grants_via: Sequence[str] = ()
    """Services that need a grant because they go on using the key after the call."""
    services: Sequence[ServiceUse] = ()


class DomainKey(Construct):
    """The key (rotated yearly) and its policy."""

    def __init__(self, scope: Construct, construct_id: str, *, props: DomainKeyProps) -> None:
        super().__init__(scope, construct_id)
        stack = BaseStack.of(self)
        assert isinstance(stack, BaseStack)
        self._stack = stack
        self.key = kms.Key(
            self,
            "Key",
            description=f"Millrace {stack.names.instance} {stack.names.environment}: "
            f"{props.purpose}",
            enable_key_rotation=True,
            rotation_period=Duration.days(365),
            removal_policy=removal_policy(stack.settings),
        )
        self._allow_roles(props)
        self._allow_grants(props)
        for use in props.services:
            self._allow_service(use)
