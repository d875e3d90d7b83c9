"""Statements that several roles need: objects of a zone, the pseudonyms' key, dead letters.

Every statement names its bucket, prefix and key; decryption is tied to the service that asks for
it, and for S3 to the bucket by the encryption context that bucket keys carry.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from stacks.constructs.foundation import Security
from stacks.constructs.service_role import ServiceRole
from stacks.nag import acknowledge

PREFIX_PAGE = (
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html"
)
READ_ACTIONS = ("s3:GetObject",)
WRITE_ACTIONS = ("s3:AbortMultipartUpload", "s3:PutObject")
# Spark commits by renaming (copy and delete) and clears what a partition held before.
REPLACE_ACTIONS = (*WRITE_ACTIONS, "s3:DeleteObject")


def through(
    role: ServiceRole, service: str, context: dict[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """Conditions that tie the use of a key to one service and one encryption context."""
    region = Stack.of(role).region
    keys = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
    return {"StringEquals": keys | (context or {})}


def allow_objects(
    role: ServiceRole,
    bucket: s3.IBucket,
    key: kms.IKey,
    *,
    read: Sequence[str] = (),
    write: Sequence[str] = (),
    replace: Sequence[str] = (),
) -> None:
    """Let a role list, read, write or replace objects below prefixes (each ending in a slash).

    A role that only reads cannot create data keys; one that writes needs ``kms:Decrypt`` too,
    for multipart uploads.
    """
    # Without a condition on the prefix: a HEAD for a missing object carries none, and would answer
    # 403 where Spark's committers expect 404.
    role.allow(["s3:GetBucketLocation", "s3:ListBucket"], [bucket.bucket_arn])
    for actions, places in (
        (READ_ACTIONS, read),
        (WRITE_ACTIONS, write),
        ((*READ_ACTIONS, *REPLACE_ACTIONS), replace),
    ):
        if places:
            objects = [bucket.arn_for_objects(f"{place}*") for place in places]
            role.allow(actions, objects)
            acknowledge_prefixes(role, objects)
    if replace:
        # Hadoop's file system marks a folder by an object beside it.
        markers = [bucket.arn_for_objects(f"{place.rstrip('/')}_$folder$") for place in replace]
        role.allow([*READ_ACTIONS, *REPLACE_ACTIONS], markers)
    uses = ["kms:Decrypt", "kms:GenerateDataKey"] if write or replace else ["kms:Decrypt"]
    context = {"kms:EncryptionContext:aws:s3:arn": bucket.bucket_arn}
    role.allow(uses, [key.key_arn], through(role, "s3", context))


def allow_pseudonyms(role: ServiceRole, security: Security) -> None:
    """Let a role derive the key of the pseudonyms."""
    role.allow(["kms:GenerateMac"], [security.pseudonym_key.key_arn])


def allow_dead_letters(role: ServiceRole, security: Security) -> None:
    """Let a role leave in the dead-letter queue what could not be delivered or processed."""
    role.allow(["sqs:SendMessage"], [security.dead_letters.queue_arn])
    role.allow(
        ["kms:Decrypt", "kms:GenerateDataKey"],
        [security.keys.messages.key_arn],
        through(role, "sqs"),
    )


def acknowledge_prefixes(role: ServiceRole, objects: Sequence[str]) -> None:
    """Say why a role may touch every object below the given ARNs (each ending in ``*``)."""
    acknowledge(
        role.policy,
        *(f"AwsSolutions-IAM5[Resource::{resource}]" for resource in objects),
        constraint="Object keys below a prefix are made at run time (dates, run ids, part files), "
        "and IAM can name them by prefix only.",
        evidence=PREFIX_PAGE,
        control="One bucket and one prefix of it for each statement, no wildcard action, and the "
        "zone's key limits decryption to that bucket.",
    )
