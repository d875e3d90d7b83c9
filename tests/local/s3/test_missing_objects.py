"""Who may not list a bucket is not told that an object is missing."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


def _reader(platform: Platform, bucket: str, *listing: dict[str, object]) -> dict[str, str]:
    statements = [allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), *listing]
    iam, name = platform.client("iam"), unique("reader")
    caller = platform.client("sts").get_caller_identity()["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=policy)
    return platform.assume(arn)


def _answers(platform: Platform, bucket: str, keys: dict[str, str]) -> tuple[str, str]:
    """What HEAD and GET of an object that is not there answer."""
    s3, found = platform.client("s3", keys), []
    for call in (s3.head_object, s3.get_object):
        with pytest.raises(ClientError) as refused:
            call(Bucket=bucket, Key="absent")
        found.append(refused.value.response["Error"]["Code"])
    return found[0], found[1]


def test_a_missing_object_is_403_without_listing_and_404_with_it(platform: Platform) -> None:
    bucket = support.make_bucket(platform)
    support.put(platform, bucket, "there", "x")
    arn = f"arn:aws:s3:::{bucket}"
    by_prefix = allow("s3:ListBucket", arn) | {"Condition": {"StringLike": {"s3:prefix": ["a*"]}}}
    for listing in ([], [by_prefix]):
        keys = _reader(platform, bucket, *listing)
        assert platform.client("s3", keys).get_object(Bucket=bucket, Key="there")["Body"].read()
        assert _answers(platform, bucket, keys) == ("403", "AccessDenied")
    lister = _reader(platform, bucket, allow("s3:ListBucket", arn))
    assert _answers(platform, bucket, lister) == ("404", "NoSuchKey")
