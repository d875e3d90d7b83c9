"""Customer keys are enforced where data is: reading or writing an encrypted object needs the key.

MiniStack stores objects in clear and never asks KMS on S3's behalf. AWS does: a principal that may
``s3:PutObject`` but not ``kms:GenerateDataKey`` on the bucket's key is refused. The same holds
for Secrets Manager, SQS and SNS. Identity policies, permissions boundary and key policy decide,
with the condition keys AWS sends (``kms:ViaService``, ``kms:EncryptionContext:…``).

A part of a multipart upload, and putting the parts together, needs ``kms:Decrypt``: S3 reads what
it has encrypted. Firehose asks for both of who sends records (``local.services.firehose.hooks``).

For DynamoDB no key permission is checked: it works with grants made when the table is created. That
it decrypts a table's key on behalf of its caller, now and then, stands in
``docs/aws-required-grants.yaml``.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import callers, service_roles
from local.emulator.condition_keys import OF_PARTS
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

pin(
    "ministack.services.s3",
    _bucket_default_sse_headers="callable",
    _bucket_encryption="scoped",
    _buckets="scoped",
    handle_request="callable",
)
pin("ministack.services.kms", _resolve_key="callable", key_policy_for_arn="callable")
pin("ministack.services.secretsmanager", _secrets="scoped")
pin("ministack.services.sns", _topics="scoped")
pin("ministack.services.sqs", _queues="scoped")
pin("ministack.core.iam_actions", access_denied_response="callable")

_WRITE, _READ = ("kms:GenerateDataKey",), ("kms:Decrypt",)
_KEY_ACTIONS: dict[str, tuple[str, ...]] = {
    "s3:PutObject": _WRITE,
    "s3:GetObject": _READ,
    "s3:GetObjectVersion": _READ,
    "secretsmanager:GetSecretValue": _READ,
    "secretsmanager:PutSecretValue": _WRITE,
    "sqs:SendMessage": _WRITE + _READ,
    "sqs:ReceiveMessage": _READ,
    "sns:Publish": _WRITE + _READ,
}
# Service → name under which it gives KMS the ARN of its resource.
_CONTEXTS = {
    "secretsmanager": "SecretARN",  # pragma: allowlist secret
    "sns": "aws:sns:topicArn",
    "sqs": "aws:sqs:arn",
}
_denied_key: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar(
    "denied_key", default=None
)


def customer_key(key_reference: str) -> str | None:
    """ARN of a customer-managed key named by id, ARN or alias; None for AWS-owned keys."""
    from ministack.services import kms

    record = kms._resolve_key(key_reference) if key_reference else None
    if not record or record.get("KeyManager") == "AWS":
        return None
    return str(record["Arn"])


def key_of_resource(resource_arn: str) -> str | None:
    """The customer key that encrypts a bucket's objects, a secret, a queue or a topic."""
    service = resource_arn.split(":")[2] if resource_arn.count(":") >= 5 else ""
    lookup = {"s3": _bucket_key, "secretsmanager": _secret_key, "sqs": _queue_key}
    lookup["sns"] = _topic_key
    reference = lookup[service](resource_arn) if service in lookup else None
    return customer_key(reference) if reference else None


def _bucket_key(arn: str) -> str | None:
    """The key an object was stored with, else the bucket's default."""
    from ministack.services import s3

    bucket, _, key = arn.split(":::")[1].partition("/")
    stored = ((s3._buckets.get(bucket) or {}).get("objects") or {}).get(key) or {}
    headers = stored.get("preserved_headers") or s3._bucket_default_sse_headers(bucket)
    reference: str | None = headers.get("x-amz-server-side-encryption-aws-kms-key-id")
    return reference


def _secret_key(arn: str) -> str | None:
    from ministack.services import secretsmanager

    for secret in secretsmanager._secrets.values():
        if secret.get("ARN") == arn:
            reference: str | None = secret.get("KmsKeyId")
            return reference
    return None


def _queue_key(arn: str) -> str | None:
    from ministack.services import sqs

    name = arn.rsplit(":", 1)[-1]
    for url, queue in sqs._queues.items():
        if url.rsplit("/", 1)[-1] == name:
            return queue.get("attributes", {}).get("KmsMasterKeyId") or None
    return None


def _topic_key(arn: str) -> str | None:
    from ministack.services import sns

    topic = sns._topics.get(arn) or {}
    return topic.get("attributes", {}).get("KmsMasterKeyId") or None


def has_bucket_key(bucket: str) -> bool:
    """Whether a bucket's objects share data keys, so that KMS is told the bucket only."""
    from ministack.services import s3

    return "<BucketKeyEnabled>true" in str(s3._bucket_encryption.get(bucket) or "")


def key_context(resource_arn: str, region: str) -> dict[str, Any]:
    """The condition keys AWS sends to KMS for this resource.

    S3 names the bucket if that has a Bucket Key, the object otherwise:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    service = resource_arn.split(":")[2]
    context: dict[str, Any] = {"kms:viaservice": f"{service}.{region}.amazonaws.com"}
    if service == "s3":
        bucket = resource_arn.split("/", maxsplit=1)[0]
        named = bucket if has_bucket_key(bucket.split(":::")[1]) else resource_arn
        context["kms:encryptioncontext:aws:s3:arn"] = named
        context["kms:encryptioncontextkeys"] = ["aws:s3:arn"]
    if service in _CONTEXTS:
        context[f"kms:encryptioncontext:{_CONTEXTS[service].lower()}"] = resource_arn
        context["kms:encryptioncontextkeys"] = [_CONTEXTS[service]]
    return context


def assert_service_role_may_use_key(
    role_arn: str, action: str, resource_arn: str, region: str, *, service: str
) -> None:
    """Raise ``AccessDeniedError`` unless the role may use the key that ``resource_arn`` is under.

    ``action`` is what the role does to the resource (``s3:PutObject``…).
    """
    key = key_of_resource(resource_arn)
    if key is None:
        return
    context = key_context(resource_arn, region) | {"kms:calleraccount": role_arn.split(":")[4]}
    for key_action in _KEY_ACTIONS.get(action, ()):
        service_roles.assert_allowed(role_arn, key_action, key, context, service=service)


def _with_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(  # noqa: PLR0917 (as MiniStack calls it)
        access_key: str, action: str, service: str, region: str,
        resource_arn: str = "*", service_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        _denied_key.set(None)
        denied = original(access_key, action, service, region, resource_arn, service_context)
        principal = callers.held_to_policies()
        if denied or action not in _KEY_ACTIONS or principal is None:
            return denied
        key = key_of_resource(resource_arn)
        if key is None:
            return denied
        parts = OF_PARTS in (service_context or {})
        asked = _READ if parts else _KEY_ACTIONS[action]
        found = _first_refused(principal, asked, key, key_context(resource_arn, region))
        if found is None:
            return None
        _denied_key.set((found[0], key))
        return found[1]

    return enforce


def _first_refused(
    principal: Any, actions: tuple[str, ...], key: str, context: dict[str, Any]
) -> tuple[str, Any] | None:
    for action in actions:
        sent = context | {"kms:calleraccount": principal.account}
        result = callers.decide(principal, action, key, sent, via="key")
        if result.decision != "Allow":
            return action, result
    return None


def refused_to_caller(key_reference: str, service: str, region: str) -> str | None:
    """Which of the two actions on a key the principal of this request lacks through a service.

    None: it has both, the key is AWS's own, or the principal is not held to policies.
    """
    principal, key = callers.held_to_policies(), customer_key(key_reference)
    if key is None or principal is None:
        return None
    context = {"kms:viaservice": f"{service}.{region}.amazonaws.com"}
    found = _first_refused(principal, _WRITE + _READ, key, context)
    return found[0] if found else None


def refused_object(
    bucket: str, name: str, region: str, context: Mapping[str, Any] | None = None
) -> str | None:
    """Why a service may not read an object with the rights of this request's principal.

    None: it may, or the principal is not held to policies. ``context`` is what the service sends.
    """
    principal, arn = callers.held_to_policies(), f"arn:aws:s3:::{bucket}/{name}"
    if principal is None:
        return None
    read = callers.decide(principal, "s3:GetObject", arn, context, from_service=True)
    if read.decision != "Allow":
        return f"{principal.arn} is not authorized to perform: s3:GetObject on {arn}"
    key = key_of_resource(arn)
    if key is None:
        return None
    refused = _first_refused(principal, _READ, key, key_context(arn, region))
    return (
        f"{principal.arn} is not authorized to perform: kms:Decrypt on {key}" if refused else None
    )


def refused_writing(object_arn: str, region: str) -> str | None:
    """Which action on an object's key the principal of this request lacks to have it written."""
    principal, key = callers.held_to_policies(), key_of_resource(object_arn)
    if key is None or principal is None:
        return None
    found = _first_refused(principal, _WRITE, key, key_context(object_arn, region))
    return found[0] if found else None


def _naming_the_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def response(service: str, action: str, *args: Any, **kwargs: Any) -> Any:
        denied = _denied_key.get()
        if denied is not None:
            action, kwargs["resource_arn"] = denied
            if service == "s3":
                status, headers, body = original(service, action, *args, **kwargs)
                named = f"{action} on resource: {denied[1]}"
                return status, headers, body.replace(f"{action} because".encode(),
                                                     f"{named} because".encode())  # fmt: skip
        return original(service, action, *args, **kwargs)

    return response


def attach(_tables: Tables) -> None:
    """Check the key after every allowed call on an encrypted resource."""
    replace("ministack.core.iam_evaluator", "enforce", _with_keys)
    replace("ministack.core.iam_actions", "access_denied_response", _naming_the_key)
