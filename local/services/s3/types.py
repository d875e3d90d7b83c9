"""``AWS::S3::Bucket`` with the properties MiniStack's provisioner drops.

Encryption decides whether a key is needed to read, ownership and Object Lock whether a write is
accepted, lifecycle and tags what an auditor sees; without them a template that forgot its key would
pass here. A bucket that holds objects is not deleted, as on AWS.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.emulator.provisioning import scope, succeed, tag_list, truth
from local.services.s3 import replicas

_HANDLERS = {
    "PutBucketEncryption": "_put_bucket_encryption",
    "PutBucketLifecycleConfiguration": "_put_bucket_lifecycle",
    "PutBucketTagging": "_put_bucket_tagging",
    "PutBucketOwnershipControls": "_put_bucket_ownership_controls",
    "PutBucketLogging": "_put_bucket_logging",
    "PutObjectLockConfiguration": "_put_object_lock_configuration",
    "PutBucketReplication": "_put_bucket_replication",
}
_DELETERS = {
    "BucketEncryption": "_delete_bucket_encryption",
    "LifecycleConfiguration": "_delete_bucket_lifecycle",
    "Tags": "_delete_bucket_tagging",
    "ReplicationConfiguration": "_delete_bucket_replication",
}
pin(
    "ministack.services.s3", **dict.fromkeys([*_HANDLERS.values(), *_DELETERS.values()], "callable")
)
pin("ministack.services.s3", _object_versions="scoped", _resolve_sse_write_headers="callable")


@lru_cache(maxsize=1)
def _serializer() -> tuple[Any, Any]:
    from botocore.serialize import create_serializer
    from botocore.session import Session

    return Session().get_service_model("s3"), create_serializer("rest-xml")


def _apply(bucket: str, operation: str, **members: Any) -> None:
    """Send one configuration to MiniStack's S3 as the XML body a client would send."""
    from ministack.services import s3

    model, serializer = _serializer()
    request = serializer.serialize_to_request(
        {"Bucket": bucket, **members}, model.operation_model(operation)
    )
    handler = getattr(s3, _HANDLERS[operation])
    succeed(f"AWS::S3::Bucket {bucket}, {operation}", handler(bucket, request["body"]))


def _encryption(bucket: str, value: dict[str, Any]) -> None:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        entry: dict[str, Any] = {}
        if default := rule.get("ServerSideEncryptionByDefault"):
            entry["ApplyServerSideEncryptionByDefault"] = default
        if "BucketKeyEnabled" in rule:
            entry["BucketKeyEnabled"] = truth(rule["BucketKeyEnabled"])
        rules.append(entry)
    _apply(bucket, "PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": rules})


def _transition(value: dict[str, Any], days: str) -> dict[str, Any]:
    return {days: int(value["TransitionInDays"]), "StorageClass": value["StorageClass"]}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"Status": rule["Status"]}
    if "Id" in rule:
        entry["ID"] = rule["Id"]
    entry["Filter"] = {"Prefix": rule.get("Prefix", "")}
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = truth(rule["ExpiredObjectDeleteMarker"])
    if expiration:
        entry["Expiration"] = expiration
    if old := rule.get("NoncurrentVersionExpiration"):
        entry["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(old["NoncurrentDays"])}
    if upload := rule.get("AbortIncompleteMultipartUpload"):
        days = {"DaysAfterInitiation": int(upload["DaysAfterInitiation"])}
        entry["AbortIncompleteMultipartUpload"] = days
    if transitions := rule.get("Transitions"):
        entry["Transitions"] = [_transition(value, "Days") for value in transitions]
    if older := rule.get("NoncurrentVersionTransitions"):
        entry["NoncurrentVersionTransitions"] = [_transition(v, "NoncurrentDays") for v in older]
    return entry


def _lifecycle(bucket: str, value: dict[str, Any]) -> None:
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    _apply(bucket, "PutBucketLifecycleConfiguration", LifecycleConfiguration={"Rules": rules})


def _tags(bucket: str, value: list[dict[str, Any]]) -> None:
    _apply(bucket, "PutBucketTagging", Tagging={"TagSet": tag_list({"Tags": value})})


def _ownership(bucket: str, value: dict[str, Any]) -> None:
    _apply(bucket, "PutBucketOwnershipControls", OwnershipControls={"Rules": value["Rules"]})


def _logging(bucket: str, value: dict[str, Any]) -> None:
    target = {
        "TargetBucket": value.get("DestinationBucketName", bucket),
        "TargetPrefix": value.get("LogFilePrefix", ""),
    }
    _apply(bucket, "PutBucketLogging", BucketLoggingStatus={"LoggingEnabled": target})


def _object_lock(bucket: str, value: dict[str, Any]) -> None:
    configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if rule := value.get("Rule"):
        retention = {
            key: int(entry) if key in ("Days", "Years") else entry
            for key, entry in rule["DefaultRetention"].items()
        }
        configuration["Rule"] = {"DefaultRetention": retention}
    _apply(bucket, "PutObjectLockConfiguration", ObjectLockConfiguration=configuration)


def _replication(bucket: str, value: dict[str, Any]) -> None:
    rules = []
    for rule in value["Rules"]:
        entry = {("ID" if name == "Id" else name): given for name, given in rule.items()}
        if "Priority" in entry:
            entry["Priority"] = int(entry["Priority"])
        replicas.assert_destination_is_ready(bucket, entry["Destination"]["Bucket"])
        rules.append(entry)
    configuration = {"Role": value["Role"], "Rules": rules}
    _apply(bucket, "PutBucketReplication", ReplicationConfiguration=configuration)


_PROPERTIES: dict[str, Callable[[str, Any], None]] = {
    "BucketEncryption": _encryption,
    "LifecycleConfiguration": _lifecycle,
    "Tags": _tags,
    "OwnershipControls": _ownership,
    "LoggingConfiguration": _logging,
    "ObjectLockConfiguration": _object_lock,
    "ReplicationConfiguration": _replication,
}


def apply_properties(bucket: str, props: dict[str, Any], old: dict[str, Any] | None = None) -> None:
    """Apply the properties MiniStack leaves out; a property dropped by an update is removed."""
    from ministack.services import s3

    for name, apply in _PROPERTIES.items():
        if name in props:
            if old is None or old.get(name) != props[name]:
                apply(bucket, props[name])
        elif old and name in old and name in _DELETERS:
            getattr(s3, _DELETERS[name])(bucket)


def _with_managed_key(original: Callable[..., Any]) -> Callable[..., Any]:
    """``aws:kms`` without a key id means the account's AWS-managed key, as on AWS."""

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get("x-amz-server-side-encryption") == "aws:kms":
            account, region = scope()
            managed = f"arn:aws:kms:{region}:{account}:alias/aws/s3"
            headers = {"x-amz-server-side-encryption-aws-kms-key-id": managed} | headers
        return original(headers, bucket)

    return resolve


def _holds_objects(bucket: str) -> bool:
    from ministack.services import s3

    record = s3._buckets.get(bucket)
    if not record:
        return False
    versions = any(key[0] == bucket for key in s3._object_versions if isinstance(key, tuple))
    return bool(record["objects"]) or versions


def attach(tables: Tables) -> None:
    """Wrap MiniStack's bucket provisioner."""
    replace("ministack.services.s3", "_resolve_sse_write_headers", _with_managed_key)
    entry = tables.resource_handlers["AWS::S3::Bucket"]
    create, update, delete = entry["create"], entry["update"], entry["delete"]

    def create_bucket(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        name, attributes = create(logical_id, props, stack)
        apply_properties(name, props)
        return name, attributes

    def update_bucket(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str
    ) -> tuple[str, Any]:
        name, attributes = update(physical_id, old, new, stack)
        apply_properties(name, new, old if name == physical_id else None)
        return name, attributes

    def delete_bucket(physical_id: str, props: dict[str, Any]) -> None:
        if _holds_objects(physical_id):
            raise ValueError(
                f"The bucket you tried to delete is not empty: {physical_id}. "
                "You must delete all versions in the bucket."
            )
        delete(physical_id, props)

    entry.update(create=create_bucket, update=update_bucket, delete=delete_bucket)
