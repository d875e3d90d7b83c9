"""A trail is refused whose bucket, key or role does not admit CloudTrail, in CloudTrail's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support import sagemaker as support

pytestmark = pytest.mark.platform

SERVICE = {"Service": "cloudtrail.amazonaws.com"}
ACL = {"s3:x-amz-acl": "bucket-owner-full-control"}
Statement = dict[str, Any]


@dataclass
class World:
    """A bucket under a key, a log group, and a trail that uses them."""

    platform: Platform
    bucket: str
    key: str
    group: str
    trail: str

    @property
    def account(self) -> str:
        assert self.platform.info is not None
        return self.platform.info.account

    def bucket_statements(self) -> list[Statement]:
        """As CloudTrail's guide has them."""
        arn, ours = f"arn:aws:s3:::{self.bucket}", {"aws:SourceArn": self.trail}
        common = {"Effect": "Allow", "Principal": SERVICE}
        place = f"{arn}/AWSLogs/{self.account}/*"
        return [
            common
            | {"Action": "s3:GetBucketAcl", "Resource": arn, "Condition": {"StringEquals": ours}},
            common
            | {
                "Action": "s3:PutObject", "Resource": place,
                "Condition": {"StringEquals": ours | ACL},
            },
        ]  # fmt: skip

    def key_statements(self) -> list[Statement]:
        """As CloudTrail's guide has them."""
        root = {"AWS": f"arn:aws:iam::{self.account}:root"}
        ours = {"aws:SourceArn": self.trail}
        context = {"kms:EncryptionContext:aws:cloudtrail:arn": self.trail}
        common = {"Effect": "Allow", "Principal": SERVICE, "Resource": "*"}
        return [
            {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
            common
            | {"Action": "kms:GenerateDataKey*", "Condition": {"StringEquals": ours | context}},
            common | {"Action": "kms:DescribeKey", "Condition": {"StringEquals": ours}},
        ]

    def arrange(
        self, bucket: list[Statement], key: list[Statement], *, bucket_key: bool = False
    ) -> None:
        s3, kms = self.platform.client("s3"), self.platform.client("kms")
        s3.put_bucket_policy(Bucket=self.bucket, Policy=_document(bucket))
        kms.put_key_policy(KeyId=self.key, PolicyName="default", Policy=_document(key))
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key}
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
        s3.put_bucket_encryption(
            Bucket=self.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
        )

    def role(self, condition: Statement, *actions: str) -> str:
        """A role for CloudTrail, which may do ``actions`` on the group's streams."""
        iam, name = self.platform.client("iam"), support.unique("writer")
        trust = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
        document = _document([trust | ({"Condition": condition} if condition else {})])
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": f"{self.group}:*"}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_document([allowed]))
        return str(arn)

    def create(self, **more: str) -> str:
        """The error code that CreateTrail answers; empty when the trail was made."""
        client, name = self.platform.client("cloudtrail"), self.trail.rsplit("/", 1)[-1]
        try:
            client.create_trail(Name=name, S3BucketName=self.bucket, KmsKeyId=self.key, **more)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        client.delete_trail(Name=name)
        return ""


def _document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def world(platform: Platform) -> Iterator[World]:
    assert platform.info is not None
    place = f"{platform.info.region}:{platform.info.account}"
    name, logs = support.unique("trail"), platform.client("logs")
    key = platform.client("kms").create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName=name)
    made = World(
        platform, support.make_bucket(platform), key,
        f"arn:aws:logs:{place}:log-group:{name}", f"arn:aws:cloudtrail:{place}:trail/{name}",
    )  # fmt: skip
    made.arrange(made.bucket_statements(), made.key_statements())
    yield made
    logs.delete_log_group(logGroupName=name)


def test_what_the_guide_asks_for_is_enough_without_a_bucket_key(world: World) -> None:
    assert world.create() == ""


def test_each_statement_of_the_bucket_is_needed(world: World) -> None:
    acl, put = world.bucket_statements()
    for kept in ([put], [acl]):
        world.arrange(kept, world.key_statements())
        assert world.create() == "InsufficientS3BucketPolicyException"


def test_a_bucket_that_refuses_other_encryption_refuses_the_digests(world: World) -> None:
    header = "s3:x-amz-server-side-encryption"
    refused = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{world.bucket}/*",
        "Condition": {"StringNotEquals": {header: "aws:kms"}, "Null": {header: "false"}},
    }  # fmt: skip
    world.arrange([*world.bucket_statements(), refused], world.key_statements())
    assert world.create() == "InsufficientS3BucketPolicyException"
    refused["Condition"]["StringNotEquals"]["aws:PrincipalServiceName"] = SERVICE["Service"]
    world.arrange([*world.bucket_statements(), refused], world.key_statements())
    assert world.create() == ""


def test_each_statement_of_the_key_is_needed(world: World) -> None:
    root, generate, describe = world.key_statements()
    for kept in ([root, generate], [root, describe]):
        world.arrange(world.bucket_statements(), kept)
        assert world.create() == "InsufficientEncryptionPolicyException"


def test_a_bucket_key_asks_for_more_and_names_no_trail(world: World) -> None:
    world.arrange(world.bucket_statements(), world.key_statements(), bucket_key=True)
    assert world.create() == "InsufficientEncryptionPolicyException"
    both = {
        "Effect": "Allow", "Principal": SERVICE, "Resource": "*",
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Condition": {"StringEquals": {"aws:SourceArn": world.trail}},
    }  # fmt: skip
    world.arrange(world.bucket_statements(), [*world.key_statements(), both], bucket_key=True)
    assert world.create() == ""


WRITES = ("logs:CreateLogStream", "logs:PutLogEvents")


@pytest.mark.parametrize(
    ("operators", "actions", "refused"),
    [
        ((), WRITES, ""),
        (("StringEqualsIfExists", "ArnLikeIfExists"), WRITES, ""),
        (("StringEquals", "ArnLikeIfExists"), WRITES, "InvalidCloudWatchLogsRoleArnException"),
        (("StringEqualsIfExists", "ArnLike"), WRITES, "InvalidCloudWatchLogsRoleArnException"),
        ((), WRITES[:1], "InvalidCloudWatchLogsLogGroupArnException"),
        ((), WRITES[1:], "InvalidCloudWatchLogsLogGroupArnException"),
    ],
)
def test_the_role_has_to_admit_a_cloudtrail_that_says_for_whom_and_one_that_does_not(
    world: World, operators: tuple[str, ...], actions: tuple[str, ...], refused: str
) -> None:
    sources = ({"aws:SourceAccount": world.account}, {"aws:SourceArn": world.trail})
    role = world.role(dict(zip(operators, sources, strict=False)), *actions)
    logs = {"CloudWatchLogsLogGroupArn": f"{world.group}:*", "CloudWatchLogsRoleArn": role}
    assert world.create(**logs) == refused


def test_a_call_is_held_to_the_rules_of_templates(world: World) -> None:
    client, name = world.platform.client("cloudtrail"), world.trail.rsplit("/", 1)[-1]
    with pytest.raises(ClientError, match="trail-of-all-regions-has-global-events"):
        client.create_trail(
            Name=name, S3BucketName=world.bucket, KmsKeyId=world.key, IsMultiRegionTrail=True,
            IncludeGlobalServiceEvents=False,
        )  # fmt: skip
    with pytest.raises(ClientError, match=r"InvalidTrailName.*trail-name-form"):
        client.create_trail(Name=f"{name}--a", S3BucketName=world.bucket, KmsKeyId=world.key)
    client.create_trail(Name=name, S3BucketName=world.bucket, KmsKeyId=world.key)
    try:
        with pytest.raises(ClientError, match="trail-selects-something"):
            client.put_event_selectors(
                TrailName=name, EventSelectors=[{"IncludeManagementEvents": False}]
            )
        client.put_event_selectors(TrailName=name, EventSelectors=[{"ReadWriteType": "All"}])
        with pytest.raises(ClientError, match="need one another"):
            client.update_trail(Name=name, CloudWatchLogsLogGroupArn=f"{world.group}:*")
    finally:
        client.delete_trail(Name=name)
