"""A producer's role does its work with the offered policies, and with nothing less."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from core.names import STREAMS, Scope
from local.demo import guest, producer
from local.platform import Platform
from operations.deployed import Deployed

DEMO = Scope("flights", "demo", "flights")

pytestmark = pytest.mark.platform

IN_PARTS = TransferConfig(multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2)
LARGE = b"{}\n" * (6 * 1024**2 // 3)
RECORDS = [{"Data": b'{"not": "a flight"}\n'}]


@pytest.fixture(scope="module")
def deployed(demo_deployment: Platform) -> Deployed:
    return Deployed.read(demo_deployment.client("cloudformation"), DEMO)


@pytest.fixture
def session(demo_deployment: Platform, deployed: Deployed) -> Iterator[dict[str, str]]:
    """A role with both policies, as they are offered."""
    yield producer.session(demo_deployment, deployed, files=True)
    guest.remove(demo_deployment, producer.ROLE)


@contextmanager
def lacking(platform: Platform, output: str, *actions: str) -> Iterator[dict[str, str]]:
    """A producer whose policy is the offered one without some actions."""
    iam, name = platform.client("iam"), producer.ROLE
    version = iam.get_policy(PolicyArn=output)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=output, VersionId=version)["PolicyVersion"]
    document = _without(found["Document"], actions)
    made = iam.create_policy(PolicyName="less", PolicyDocument=json.dumps(document))
    arn = made["Policy"]["Arn"]
    try:
        yield guest.create(platform, name, [arn])
    finally:
        guest.remove(platform, name)
        iam.delete_policy(PolicyArn=arn)


def _without(document: Any, actions: Sequence[str]) -> dict[str, Any]:
    given = json.loads(document) if isinstance(document, str) else document
    for statement in given["Statement"]:
        named = statement["Action"]
        listed = [named] if isinstance(named, str) else named
        statement["Action"] = [action for action in listed if action not in actions]
    return dict(given)


def _send(platform: Platform, deployed: Deployed, keys: dict[str, str]) -> str:
    """What both streams answer to both calls; empty when all was taken."""
    firehose = platform.client("firehose", keys)
    try:
        for stream in STREAMS:
            name = deployed.delivery_stream(stream)
            firehose.put_record(DeliveryStreamName=name, Record=RECORDS[0])
            firehose.put_record_batch(DeliveryStreamName=name, Records=RECORDS)
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return ""


def _upload(platform: Platform, deployed: Deployed, keys: dict[str, str], body: bytes) -> str:
    s3, bucket = platform.client("s3", keys), deployed.bucket("landing")
    try:
        # Not where the curate job looks for files.
        s3.upload_fileobj(io.BytesIO(body), bucket, "events/_probe", Config=IN_PARTS)
    except Exception as error:
        return str(error)
    return ""


def test_the_offered_policies_are_enough(
    demo_deployment: Platform, deployed: Deployed, session: dict[str, str]
) -> None:
    assert _send(demo_deployment, deployed, session) == ""
    assert _upload(demo_deployment, deployed, session, b"{}\n") == ""
    assert _upload(demo_deployment, deployed, session, LARGE) == ""


def test_they_read_nothing(
    demo_deployment: Platform, deployed: Deployed, session: dict[str, str]
) -> None:
    s3, bucket = demo_deployment.client("s3", session), deployed.bucket("landing")
    assert _upload(demo_deployment, deployed, session, b"{}\n") == ""
    for call in (
        lambda: s3.get_object(Bucket=bucket, Key="events/_probe"),
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.put_object(Bucket=bucket, Key="elsewhere", Body=b""),
        lambda: s3.put_object(Bucket=deployed.bucket("raw"), Key="events/_probe", Body=b""),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


@pytest.mark.parametrize("missing", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_a_producer_without_decrypt_is_refused(
    demo_deployment: Platform, deployed: Deployed, missing: str
) -> None:
    offered = deployed.outputs["ingestion"]["StreamProducersPolicyArn"]
    with lacking(demo_deployment, offered, missing) as keys:
        refused = _send(demo_deployment, deployed, keys)
    assert refused.startswith("InvalidKMSResourceException")
    assert f"{missing} on arn:aws:kms:" in refused


def test_a_key_policy_that_keeps_decrypt_for_our_roles_refuses_every_producer(
    demo_deployment: Platform, deployed: Deployed, session: dict[str, str]
) -> None:
    """As the raw key's policy was before Firehose asked its callers for the key."""
    kms = demo_deployment.client("kms")
    key = deployed.one("AWS::KMS::Key", "security", "RawKey")
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    before = json.loads(policy)
    before["Statement"] = [
        statement
        for statement in before["Statement"]
        if statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
        != ["firehose.eu-west-1.amazonaws.com"]
    ]
    assert len(before["Statement"]) == len(json.loads(policy)["Statement"]) - 1
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(before))
    try:
        refused = _send(demo_deployment, deployed, session)
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert "kms:Decrypt on arn:aws:kms:" in refused


def test_parts_of_a_file_need_decrypt(demo_deployment: Platform, deployed: Deployed) -> None:
    offered = deployed.outputs["data-lake"]["FileProducersPolicyArn"]
    with lacking(demo_deployment, offered, "kms:Decrypt") as keys:
        assert _upload(demo_deployment, deployed, keys, b"{}\n") == ""
        refused = _upload(demo_deployment, deployed, keys, LARGE)
    assert "AccessDenied" in refused
    assert "kms:Decrypt on resource: arn:aws:kms:" in refused


def test_a_role_that_the_settings_do_not_name_uploads_nothing(
    demo_deployment: Platform, deployed: Deployed
) -> None:
    offered = deployed.outputs["data-lake"]["FileProducersPolicyArn"]
    keys = guest.create(demo_deployment, "some-producer", [offered])
    try:
        assert "AccessDenied" in _upload(demo_deployment, deployed, keys, b"{}\n")
    finally:
        guest.remove(demo_deployment, "some-producer")
