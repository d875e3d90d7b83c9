"""Principals that policies name have to exist, in every service that takes a policy."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.provisioning import scope
from local.emulator.refusals import Properties, policies, refuses_beside

# Service-linked roles come with their service, which the emulator does not tell.
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?!aws-service-role/)(?:.*/)?([^/]+)")


def _principals(statement: dict[str, Any]) -> list[str]:
    named = statement.get("Principal") or statement.get("NotPrincipal")
    return (
        [str(arn) for arn in policies.listed(named.get("AWS"))] if isinstance(named, dict) else []
    )


@refuses_beside("policy-principals-exist", "AWS::IAM::Role", *policies.RESOURCE_TYPES)
def _principals_exist(properties: Properties) -> str | None:
    from ministack.services import iam

    account, _ = scope()
    for statement in policies.statements(policies.every(properties)):
        for principal in _principals(statement):
            role = _ROLE.fullmatch(principal)
            if role and role[1] == account and role[2] not in iam._roles:
                return f'Invalid principal in policy: "AWS":"{principal}" does not exist'
    return None
