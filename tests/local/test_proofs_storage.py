"""Buckets, keys, secrets, policies: each wrong property next to the right one."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support.probe_stack import Template, allow, deployed, role

pytestmark = pytest.mark.platform

ROOT = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
BUCKETS = ("Plain", "Open", "Closed", "ByAlias", "ByOther")


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def _key(*denied: dict[str, Any]) -> dict[str, Any]:
    root = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": ROOT}
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": _document(root, *denied)}}


def _alias(name: str, key: str) -> dict[str, Any]:
    properties = {"AliasName": f"alias/probe-{name}", "TargetKeyId": {"Ref": key}}
    return {"Type": "AWS::KMS::Alias", "Properties": properties}


def _bucket(key: Any = None, **properties: Any) -> dict[str, Any]:
    if key:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rules = [{"ServerSideEncryptionByDefault": default}]
        properties["BucketEncryption"] = {"ServerSideEncryptionConfiguration": rules}
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def _principal(*statements: dict[str, Any]) -> dict[str, Any]:
    """A role that the account may assume."""
    entry = role("lambda.amazonaws.com", *statements)
    trusted = {"Effect": "Allow", "Principal": ROOT, "Action": "sts:AssumeRole"}
    entry["Properties"]["AssumeRolePolicyDocument"] = _document(trusted)
    return entry


def _secret(wish: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {"GenerateSecretString": wish} | more
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def _guard(bucket: str) -> dict[str, Any]:
    denied = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": f"${{{bucket}.Arn}}/sealed/*"},
    }  # fmt: skip
    properties = {"Bucket": {"Ref": bucket}, "PolicyDocument": _document(denied)}
    return {"Type": "AWS::S3::BucketPolicy", "Properties": properties}


def _granted(kind: str, holder: Any, **more: Any) -> dict[str, Any]:
    document = _document(allow(["s3:PutObject"], "*"))
    return {"Type": kind, "Properties": {"PolicyDocument": document, "Roles": [holder]} | more}


def _template() -> Template:
    objects = allow(["s3:PutObject", "s3:GetObject"], "*")
    use = ["kms:GenerateDataKey", "kms:Decrypt"]
    refused = {"Effect": "Deny", "Action": use, "Resource": "*", "Principal": {"AWS": "*"}}
    secrets = allow(["secretsmanager:GetSecretValue", "sqs:SendMessage"], "*")
    versions = {"VersioningConfiguration": {"Status": "Enabled"}}
    inline, managed = {"Ref": "ByInline"}, {"Ref": "ByManaged"}
    resources: dict[str, Any] = {
        "OpenKey": _key(),
        "ClosedKey": _key(refused),
        "OtherKey": _key(),
        "Alias": _alias("open", "OpenKey"),
        "OtherAlias": _alias("other", "OtherKey"),
        "Plain": _bucket(**versions),
        "Open": _bucket(_arn("OpenKey")),
        "Closed": _bucket(_arn("ClosedKey")),
        "ByAlias": _bucket({"Ref": "Alias"}),
        "ByOther": _bucket({"Ref": "OtherAlias"}),
        "PlainGuard": _guard("Plain"),
        "PlainQueue": {"Type": "AWS::SQS::Queue"},
        "OpenQueue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": _arn("OpenKey")}},
        "Keyless": _principal(objects, secrets),
        "Keyed": _principal(
            objects, secrets, allow(use, _arn("OpenKey")), allow(use, _arn("ClosedKey"))
        ),
        "ByInline": _principal(),
        "ByManaged": _principal(),
        "ByNothing": _principal(),
        "Inline": _granted("AWS::IAM::Policy", inline, PolicyName="probe-inline"),
        "Managed": _granted("AWS::IAM::ManagedPolicy", managed),
        "Long": _secret(
            {"PasswordLength": 64, "ExcludePunctuation": True}, KmsKeyId=_arn("OpenKey")
        ),
        "Digits": _secret(
            {"ExcludeLowercase": True, "ExcludeUppercase": True, "ExcludePunctuation": True}
        ),
    }
    outputs = {f"{name}Bucket": {"Value": {"Ref": name}} for name in BUCKETS}
    for name in ("Long", "Digits", "PlainQueue", "OpenQueue"):
        outputs[name] = {"Value": {"Ref": name}}
    for name in ("Keyless", "Keyed", "ByInline", "ByManaged", "ByNothing"):
        outputs[name] = {"Value": _arn(name)}
    return {"Resources": resources, "Outputs": outputs}


@pytest.fixture(scope="module")
def stack(platform: Platform) -> Iterator[dict[str, str]]:
    with deployed(platform, "storage", _template()) as found:
        try:
            yield found
        finally:
            _delete_versions(platform, found["PlainBucket"])


def _delete_versions(platform: Platform, bucket: str) -> None:
    s3 = platform.client("s3")
    found = s3.list_object_versions(Bucket=bucket)
    for entry in found.get("Versions", []) + found.get("DeleteMarkers", []):
        s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])


def _outcome(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def _put(
    platform: Platform, stack: dict[str, str], who: str, bucket: str, key: str = "probe"
) -> str:
    client = platform.client("s3", platform.assume(stack[who]))
    return _outcome(client.put_object, Bucket=stack[f"{bucket}Bucket"], Key=key, Body=b"x")


@pytest.mark.proves("AWS::S3::Bucket", "AWS::IAM::Role")
def test_a_bucket_asks_for_the_key_it_names(platform: Platform, stack: dict[str, str]) -> None:
    assert _put(platform, stack, "Keyless", "Plain") == "ok"
    assert _put(platform, stack, "Keyless", "Open") == "AccessDenied"
    assert _put(platform, stack, "Keyed", "Open") == "ok"


@pytest.mark.proves("AWS::KMS::Key")
def test_a_keys_policy_has_the_last_word(platform: Platform, stack: dict[str, str]) -> None:
    assert _put(platform, stack, "Keyed", "Open") == "ok"
    assert _put(platform, stack, "Keyed", "Closed") == "AccessDenied"


@pytest.mark.proves("AWS::KMS::Alias")
def test_an_alias_stands_for_its_key(platform: Platform, stack: dict[str, str]) -> None:
    assert _put(platform, stack, "Keyed", "ByAlias") == "ok"
    assert _put(platform, stack, "Keyed", "ByOther") == "AccessDenied"


@pytest.mark.proves("AWS::S3::Bucket")
def test_a_bucket_keeps_versions_when_told_to(platform: Platform, stack: dict[str, str]) -> None:
    s3 = platform.client("s3")
    kept = {}
    for name in ("Plain", "Open"):
        bucket = stack[f"{name}Bucket"]
        for body in (b"one", b"two"):
            s3.put_object(Bucket=bucket, Key="versioned", Body=body)
        found = s3.list_object_versions(Bucket=bucket, Prefix="versioned")
        kept[name] = len(found.get("Versions", []))
    assert kept == {"Plain": 2, "Open": 1}


@pytest.mark.proves("AWS::SQS::Queue")
def test_a_queue_asks_for_the_key_it_names(platform: Platform, stack: dict[str, str]) -> None:
    outcomes = {}
    for who in ("Keyless", "Keyed"):
        client = platform.client("sqs", platform.assume(stack[who]))
        for queue in ("PlainQueue", "OpenQueue"):
            send = {"QueueUrl": stack[queue], "MessageBody": "x"}
            outcomes[who, queue] = _outcome(client.send_message, **send) == "ok"
    refused = {entry for entry, sent in outcomes.items() if not sent}
    assert refused == {("Keyless", "OpenQueue")}


@pytest.mark.proves("AWS::S3::BucketPolicy")
def test_a_bucket_policy_denies_the_prefix_it_names(
    platform: Platform, stack: dict[str, str]
) -> None:
    assert _put(platform, stack, "Keyed", "Plain", "open/x") == "ok"
    assert _put(platform, stack, "Keyed", "Plain", "sealed/x") == "AccessDenied"
    assert _put(platform, stack, "Keyed", "Open", "sealed/x") == "ok"


@pytest.mark.proves("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
def test_a_policy_holds_for_the_roles_it_names(platform: Platform, stack: dict[str, str]) -> None:
    outcomes = {
        name: _put(platform, stack, name, "Plain")
        for name in ("ByInline", "ByManaged", "ByNothing")
    }
    assert outcomes == {"ByInline": "ok", "ByManaged": "ok", "ByNothing": "AccessDenied"}


@pytest.mark.proves("AWS::SecretsManager::Secret")
def test_a_secret_is_made_as_described_and_read_with_its_key(
    platform: Platform, stack: dict[str, str]
) -> None:
    client = platform.client("secretsmanager")
    long, digits = (
        client.get_secret_value(SecretId=stack[name])["SecretString"] for name in ("Long", "Digits")
    )
    assert len(long) == 64
    assert not set(long) & set(string.punctuation)
    assert len(digits) == 32
    assert digits.isdigit()
    keyless = platform.client("secretsmanager", platform.assume(stack["Keyless"]))
    assert _outcome(keyless.get_secret_value, SecretId=stack["Digits"]) == "ok"
    assert _outcome(keyless.get_secret_value, SecretId=stack["Long"]) == "AccessDeniedException"
    keyed = platform.client("secretsmanager", platform.assume(stack["Keyed"]))
    assert _outcome(keyed.get_secret_value, SecretId=stack["Long"]) == "ok"
