"""Whether a resource's own policy, and that of its key, let a service principal in.

MiniStack's services call each other inside the process, unchecked. AWS asks the target's policy,
and for an encrypted topic or queue its key's policy too, with the keys that name the source.
"""

from __future__ import annotations

from typing import Any

from local.emulator import iam_recorder, service_roles
from local.services.kms import key_policies

# SNS and SQS ask for both when a service sends to an encrypted topic or queue.
_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")

_WITHOUT_SOURCE_AT_KEYS = ("events.amazonaws.com",)
"""Whose requests to a key name no source: a condition on one admits nothing.

https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/407
"""


def assert_service_admitted(service: str, action: str, resource: str, source_arn: str) -> None:
    """Raise ``AccessDeniedError`` unless the resource's policies admit a service principal.

    A topic without a policy of its own has SNS's default one, which admits the account's own
    services.
    """
    from ministack.core import iam_evaluator as evaluator
    from ministack.core.responses import get_region

    namespace = action.split(":", maxsplit=1)[0]
    found = evaluator._resource_policy(namespace, resource)
    if found is None:
        raise service_roles.AccessDeniedError(service, action, resource, "it does not exist")
    policy = found[0]
    if not policy and namespace == "sns":
        iam_recorder.record(service, action, resource, "Allow", via=service)
    else:
        _admit(service, action, resource, source_arn, policy)
    key = key_policies.key_of_resource(resource)
    if key is not None:
        key_policy = evaluator._resource_policy("kms", key)
        policy = key_policy[0] if key_policy else ""
        sent = key_policies.key_context(resource, get_region())
        if service in _WITHOUT_SOURCE_AT_KEYS:
            sent |= {"aws:sourcearn": None, "aws:sourceaccount": None, "aws:sourceowner": None}
        for key_action in _KEY_ACTIONS:
            _admit(service, key_action, key, source_arn, policy, sent)


def assert_admitted(
    service: str, action: str, resource: str, source_arn: str, more: dict[str, Any]
) -> None:
    """Raise ``AccessDeniedError`` unless the policy of one resource admits one action.

    ``more`` holds the condition keys that the request carries beside those naming the source.
    """
    from ministack.core import iam_evaluator as evaluator

    found = evaluator._resource_policy(action.split(":", maxsplit=1)[0], resource)
    policy = found[0] if found else ""
    _admit(service, action, resource, source_arn, policy, more)


def _admit(  # noqa: PLR0917 - one request
    service: str,
    action: str,
    resource: str,
    source_arn: str,
    policy: Any,
    more: dict[str, Any] | None = None,
) -> None:
    from ministack.core import iam_evaluator as evaluator
    from ministack.core.responses import get_account_id, get_region

    account = get_account_id()
    request = evaluator.EvalContext(
        principal_arn=service, principal_type="Service", principal_account=account,
        action=action, resource_arn=resource, region=get_region(), source_ip="127.0.0.1",
        secure_transport=True,
        service_context={
            "aws:sourcearn": source_arn, "aws:sourceaccount": account,
            "aws:sourceowner": account, "aws:principalservicename": service,
            "aws:principalisawsservice": "true",
            **(more or {}),
        },
    )  # fmt: skip
    result = evaluator.evaluate_resource_policy(policy, request, service=service)
    iam_recorder.record(
        service, action, resource, result.decision, via=service, statement=result.matched_sid
    )
    if result.decision != "Allow":
        raise service_roles.AccessDeniedError(
            service, action, resource, f"no resource policy admits it (source {source_arn})"
        )
