"""``aws:PrincipalArn`` as AWS gives it: the role's own ARN with its path, not the session's.

Key and bucket policies of this project match roles by their IAM path; MiniStack compares with the
ARN of the assumed-role session, which has no path, so no such condition would ever hold.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.core.iam_evaluator"
_KEY = "aws:principalarn"
pin(_MODULE, _resolve_condition_key="callable", _role_name_from_assumed_arn="callable")


def _role_arn(context: Any) -> str | None:
    from ministack.core import iam_evaluator
    from ministack.services import iam

    name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
    role = iam._roles.get_scoped(context.principal_account, None, name)
    return role["Arn"] if role else None


def _with_role_arn(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, context: Any) -> Any:
        if key.lower() == _KEY and context.principal_type == "AssumedRole":
            return _role_arn(context) or original(key, context)
        return original(key, context)

    return resolve


def attach(_tables: Tables) -> None:
    """Resolve the key to the role."""
    replace(_MODULE, "_resolve_condition_key", _with_role_arn)
