"""Buckets: names, encryption, ownership, Object Lock, replication; policies on them."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from local.emulator.private_tables import pin
from local.emulator.provisioning import scope, truth
from local.emulator.refusals import Properties, policies, refuses, refuses_beside, refuses_change
from local.services.s3.refusals_lifecycle import BUCKET

BUCKET_POLICY = 20480
_FORBIDDEN_NAME = re.compile(
    r".*\.\..*|\d+\.\d+\.\d+\.\d+|(xn--|sthree-|amzn-s3-demo-).*"
    r"|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)"
)
_OF_LISTING = {"s3:prefix", "s3:delimiter", "s3:max-keys"}
_OPEN_ACLS = {"AuthenticatedRead", "AwsExecRead", "LogDeliveryWrite", "PublicRead",
              "PublicReadWrite"}  # fmt: skip


def _on(section: Any) -> bool:
    return isinstance(section, dict) and section.get("Status") == "Enabled"


@refuses("bucket-name-form", BUCKET)
def _name(properties: Properties) -> str | None:
    name = str(properties.get("BucketName", "abc"))
    if 3 <= len(name) <= 63 and not _FORBIDDEN_NAME.fullmatch(name):
        return None
    return f"The specified bucket is not valid: {name}"


@refuses("bucket-acl-needs-ownership", BUCKET)
def _acl(properties: Properties) -> str | None:
    acl = properties.get("AccessControl")
    rules = (properties.get("OwnershipControls") or {}).get("Rules", [{}])
    ownership = rules[0].get("ObjectOwnership", "BucketOwnerEnforced")
    if acl not in _OPEN_ACLS or ownership != "BucketOwnerEnforced":
        return None
    return f"Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting: {acl}"


@refuses("bucket-key-needs-kms", BUCKET)
def _key(properties: Properties) -> str | None:
    encryption = properties.get("BucketEncryption") or {}
    for rule in encryption.get("ServerSideEncryptionConfiguration", []):
        default = rule.get("ServerSideEncryptionByDefault") or {}
        if default.get("KMSMasterKeyID") and default.get("SSEAlgorithm") == "AES256":
            return "a KMSMasterKeyID is not applicable if the default sse algorithm is AES256"
    return None


@refuses("object-lock-needs-versions", BUCKET)
def _lock_versions(properties: Properties) -> str | None:
    versions = properties.get("VersioningConfiguration")
    locked = truth(properties.get("ObjectLockEnabled"))
    if locked and versions is not None and not _on(versions):
        return (
            "An Object Lock configuration is present on this bucket, so the versioning state "
            f"cannot be changed: {versions}"
        )
    if properties.get("ObjectLockConfiguration") and not (locked or _on(versions)):
        return "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
    return None


@refuses("object-lock-retention", BUCKET)
def _retention(properties: Properties) -> str | None:
    rule = (properties.get("ObjectLockConfiguration") or {}).get("Rule") or {}
    kept = rule.get("DefaultRetention")
    if kept is None:
        return None
    if ("Days" in kept) == ("Years" in kept) or "Mode" not in kept:
        return f"DefaultRetention takes Mode and one of Days and Years, not {sorted(kept)}"
    if not 1 <= int(kept.get("Days", kept.get("Years"))) <= (36500 if "Days" in kept else 100):
        return f"Default retention period must be 1 to 36500 days or 100 years: {kept}"
    return None


@refuses("bucket-policy-size", "AWS::S3::BucketPolicy")
def _policy_size(properties: Properties) -> str | None:
    length = sum(policies.size(document) for document in policies.on_resource(properties))
    if length <= BUCKET_POLICY:
        return None
    return f"Bucket policies are limited to 20 KB in size: {length} bytes, not {BUCKET_POLICY}"


def _bucket_of(resource: str) -> str:
    return resource.split(":::", 1)[-1].split("/", 1)[0]


@refuses("bucket-policy-names-its-bucket", "AWS::S3::BucketPolicy")
def _own_bucket(properties: Properties) -> str | None:
    bucket = str(properties.get("Bucket"))
    for statement in policies.statements(policies.on_resource(properties)):
        for resource in policies.resources(statement):
            named = re.escape(_bucket_of(resource)).replace(r"\*", ".*").replace(r"\?", ".")
            if not re.fullmatch(named, bucket):
                return f"Policy has invalid resource: {resource}; allowed: {bucket} and its objects"
    return None


@refuses("bucket-policy-action-fits-resource", "AWS::S3::BucketPolicy")
def _fits(properties: Properties) -> str | None:
    for statement in policies.statements(policies.on_resource(properties)):
        named = policies.resources(statement)
        objects = any("/" in name or name.endswith("*") for name in named)
        buckets = any("/" not in name for name in named)
        for action in policies.actions(statement):
            kinds = _kinds(action)
            if (kinds == {"object"} and not objects) or (kinds == {"bucket"} and not buckets):
                return f"Action does not apply to any resource(s) in statement: {action}"
    return None


@refuses("bucket-policy-conditions-fit", "AWS::S3::BucketPolicy")
def _conditions(properties: Properties) -> str | None:
    for statement in policies.statements(policies.on_resource(properties)):
        named = [action.lower() for action in policies.actions(statement)]
        keys = {key for given in (statement.get("Condition") or {}).values() for key in given}
        listing = sorted(_OF_LISTING & {key.lower() for key in keys})
        if listing and not any("list" in action or "*" in action for action in named):
            return (
                "Conditions do not apply to combination of actions and resources in statement: "
                f"{listing}, {named}"
            )
    return None


def _kinds(action: str) -> set[str]:
    """What an action of S3's works on; empty if it is a pattern or not S3's."""
    name = action.lower().removeprefix("s3:")
    return {"bucket", "object"} & set(_actions().get(name, {}).get("Resources", []))


@cache
def _actions() -> dict[str, Any]:
    """S3's actions, of a table of every service's that takes long to read."""
    from cfnlint.data import AdditionalSpecs  # type: ignore[import-untyped]
    from cfnlint.helpers import load_resource  # type: ignore[import-untyped]

    found: dict[str, Any] = load_resource(AdditionalSpecs, "Policies.json")["s3"]["Actions"]
    return found


pin(
    "ministack.services.s3",
    _buckets="scoped",
    _bucket_object_lock="scoped",
    _bucket_owner_account="callable",
    _policy_is_public="callable",
    _public_access_blocked="callable",
)


@refuses_beside("access-log-target", "AWS::S3::Bucket")
def _log_target(properties: Properties) -> str | None:
    from ministack.services import s3

    name = (properties.get("LoggingConfiguration") or {}).get("DestinationBucketName")
    if name is None or name in s3._buckets:
        return None
    return f"The target bucket for logging does not exist: {name}"


@refuses_beside("replica-of-locked-needs-lock", "AWS::S3::Bucket")
def _locked_replica(properties: Properties) -> str | None:
    from ministack.services import s3

    if not truth(properties.get("ObjectLockEnabled")):
        return None
    for rule in (properties.get("ReplicationConfiguration") or {}).get("Rules", []):
        name = str(rule["Destination"]["Bucket"]).split(":::")[-1]
        owner = s3._bucket_owner_account(name)
        if owner and not s3._bucket_object_lock.get_scoped(owner, None, name):
            return f"DstBucketObjectLockConfigMissing: {name} has no Object Lock, as its source has"
    return None


@refuses_beside("public-policy-is-blocked", "AWS::S3::BucketPolicy")
def _public(properties: Properties) -> str | None:
    from ministack.services import s3

    account, _ = scope()
    text = json.dumps(properties["PolicyDocument"])
    if not s3._public_access_blocked(account, properties["Bucket"], "BlockPublicPolicy"):
        return None
    if not s3._policy_is_public(text):
        return None
    return (
        "Access Denied: public policies are prevented by the BlockPublicPolicy setting in S3 Block "
        f"Public Access of {properties['Bucket']}"
    )


@refuses_change("object-lock-stays", BUCKET)
def _lock(old: Properties, new: Properties) -> str | None:
    if not truth(old.get("ObjectLockEnabled")) or truth(new.get("ObjectLockEnabled")):
        return None
    return "Object Lock cannot be disabled once it is enabled on a bucket"
