"""What the principal of the request being served may do besides what it asked for.

A service that works with its caller's rights asks for more than the call itself: the key of an
object, the artefact that a package names. Such a question comes from the service's own network,
so the VPC endpoint through which the caller came is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.emulator import iam_recorder

# Carries a session's place to wherever its principal is evaluated; no policy can name it.
PLACE = "millrace:place"


def held_to_policies() -> Any:
    """The request's principal, if policies decide for it: neither root nor the emulator itself."""
    principal = iam_recorder.current_principal()
    return principal if getattr(principal, "policies", None) is not None else None


def decide(
    principal: Any,
    action: str,
    resource: str,
    context: Mapping[str, Any] | None = None,
    *,
    via: str = "request",
    from_service: bool = False,
) -> Any:
    """The decision of the principal's policies, boundary and the resource's policy; recorded."""
    from ministack.core import iam_evaluator as evaluator
    from ministack.core.responses import get_region

    keys = dict(principal.keys)
    if from_service:
        keys.pop(PLACE, None)
        keys["aws:viaawsservice"] = "true"
    sent = dict(context or {})
    request = evaluator.EvalContext(
        principal_arn=principal.arn, principal_type=principal.type,
        principal_account=principal.account, action=action, resource_arn=resource,
        region=get_region(), secure_transport=True, service_context=sent, principal_keys=keys,
    )  # fmt: skip
    result = evaluator.evaluate(request, principal.policies, *principal.limits)
    namespace = action.split(":", maxsplit=1)[0]
    found = evaluator._resource_policy(namespace, resource)
    if found is not None:
        result = evaluator.combine_resource_policy(
            result, request, *found,
            required=namespace in evaluator._POLICY_REQUIRED, limits=principal.limits,
        )  # fmt: skip
    result.principal_arn = principal.arn
    iam_recorder.record(
        principal.arn, action, resource, result.decision, via=via, statement=result.matched_sid,
        key_through=str(sent.get(iam_recorder.VIA_SERVICE, "")),
    )  # fmt: skip
    return result
