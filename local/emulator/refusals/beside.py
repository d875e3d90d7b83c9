"""What AWS refuses because of what else exists: targets of logs, principals, names, counts."""

from __future__ import annotations

import json
import re
from typing import Any

from local.emulator.private_tables import pin
from local.emulator.provisioning import scope, truth
from local.emulator.refusals import Properties, policies, refuses_beside
from local.services.iam.refusals import POLICIES_OF_ROLE

pin(
    "ministack.services.s3",
    _buckets="scoped",
    _bucket_object_lock="scoped",
    _bucket_owner_account="callable",
    _policy_is_public="callable",
    _public_access_blocked="callable",
)
pin("ministack.services.cloudwatch", _alarms="scoped", _composite_alarms="scoped")
# Service-linked roles come with their service, which the emulator does not tell.
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?!aws-service-role/)(?:.*/)?([^/]+)")


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


@refuses_beside("boundary-exists", "AWS::IAM::Role")
def _boundary(properties: Properties) -> str | None:
    from ministack.services import iam

    boundary = properties.get("PermissionsBoundary")
    if not boundary or ":iam::aws:" in boundary or boundary in iam._policies:
        return None
    return f"Scope ARN: {boundary} does not exist or is not attachable."


@refuses_beside("role-policies-attached", "AWS::IAM::ManagedPolicy")
def _attached(properties: Properties) -> str | None:
    from ministack.services import iam

    for name in properties.get("Roles") or []:
        count = len((iam._roles.get(name) or {}).get("AttachedPolicies", []))
        if count >= POLICIES_OF_ROLE:
            return f"Cannot exceed quota for PoliciesPerRole: {POLICIES_OF_ROLE}, role {name}"
    return None


@refuses_beside("alarm-name-is-free", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
def _alarm_name(properties: Properties) -> str | None:
    from ministack.services import cloudwatch

    name = properties.get("AlarmName")
    if name is None or (
        name not in cloudwatch._alarms and name not in cloudwatch._composite_alarms
    ):
        return None
    return f"the alarm {name} already exists; allowed: a name of this deployment alone"
