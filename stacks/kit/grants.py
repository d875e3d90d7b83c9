"""Statements of several roles: objects of a zone under its key, published files, dead letters.

Every statement names its bucket, prefix and key; decryption is tied to the service that asks for
it, and by the encryption context to the one bucket (as bucket keys send it), topic, table or queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy, Reason
from stacks.kit.foundation import Security
from stacks.kit.service_role import ServiceRole
from stacks.kit.tar_asset import TarAsset

PREFIX_PAGE = (
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html"
)
BY_PREFIX = Reason(
    constraint="Object keys below a prefix are made at run time (dates, run ids, part files), "
    "and IAM can name them by prefix only.",
    evidence=PREFIX_PAGE,
    control="One bucket and one prefix of it for each resource, no wildcard action, and the "
    "zone's key limits decryption to that bucket.",
)
READ_ACTIONS = ("s3:GetObject",)
WRITE_ACTIONS = ("s3:AbortMultipartUpload", "s3:PutObject")
# Spark commits by renaming (copy and delete) and clears what a partition held before.
REPLACE_ACTIONS = (*WRITE_ACTIONS, "s3:DeleteObject")
EVERYTHING = ""
"""The prefix for a role that owns a zone as a whole."""

Grantee: TypeAlias = ServiceRole | CustomerPolicy


def through(
    grantee: Grantee, service: str, context: dict[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """Conditions that tie the use of a key to one service and one encryption context."""
    region = stack_of(grantee).region
    keys = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
    return {"StringEquals": keys | (context or {})}


def objects_in(bucket: s3.IBucket, *keys: str) -> list[str]:
    """ARNs of objects; Node is asked for their bucket's only, not for each."""
    bucket_arn = bucket.bucket_arn
    return [f"{bucket_arn}/{key}" for key in keys]


def allow_alert(grantee: Grantee, topic: sns.ITopic, key: kms.IKey) -> None:
    """Let it publish to a topic; the key's context: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html."""
    grantee.allow(["sns:Publish"], [topic.topic_arn])
    context = {"kms:EncryptionContext:aws:sns:topicArn": topic.topic_arn}
    uses = ["kms:Decrypt", "kms:GenerateDataKey"]
    grantee.allow(uses, [key.key_arn], through(grantee, "sns", context))


def allow_table_key(grantee: Grantee, table: dynamodb.ITable, key: kms.IKey) -> None:
    """Let DynamoDB open a table's key for who reads or writes items.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    context = {
        "kms:EncryptionContext:aws:dynamodb:tableName": table.table_name,
        "kms:EncryptionContext:aws:dynamodb:subscriberId": stack_of(grantee).account,
    }
    grantee.allow(["kms:Decrypt"], [key.key_arn], through(grantee, "dynamodb", context))


def allow_objects(
    grantee: Grantee,
    bucket: s3.IBucket,
    key: kms.IKey,
    *,
    read: Sequence[str] = (),
    write: Sequence[str] = (),
    replace: Sequence[str] = (),
    listed: bool = True,
) -> None:
    """Allow listing, reading, writing or replacing objects below prefixes (ending in a slash).

    Who only reads cannot create data keys; who writes needs ``kms:Decrypt`` too, for multipart
    uploads. Files of Iceberg are found by name and need no listing.
    """
    if listed:
        # Without a condition on the prefix: a HEAD for a missing object carries none, and would
        # answer 403 where Spark's committers expect 404.
        allow_listing(grantee, bucket)
    for actions, places in (
        (READ_ACTIONS, read),
        (WRITE_ACTIONS, write),
        ((*READ_ACTIONS, *REPLACE_ACTIONS), replace),
    ):
        if places:
            objects = objects_in(bucket, *(f"{place}*" for place in places))
            grantee.allow(actions, objects, reason=BY_PREFIX)
    uses = ["kms:Decrypt", "kms:GenerateDataKey"] if write or replace else ["kms:Decrypt"]
    context = {"kms:EncryptionContext:aws:s3:arn": bucket.bucket_arn}
    grantee.allow(uses, [key.key_arn], through(grantee, "s3", context))


def allow_folders(grantee: Grantee, bucket: s3.IBucket, *places: str) -> None:
    """Allow Spark's file system to ask whether a folder is an object, before it lists it.

    It asks for the name without the slash, which ``<place>*`` does not cover; where the answer is
    403 instead of 404 the job fails. The marker that it leaves in an empty folder,
    ``<place>/``, is one of the place's own objects.
    https://github.com/minio/minio/pull/5966,
    https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/directory_markers.html
    """
    folders = [place.rstrip("/") for place in places]
    grantee.allow(READ_ACTIONS, objects_in(bucket, *folders))


def allow_tables(grantee: Grantee, database: str, tables: Iterable[str], *more: str) -> None:
    """Allow finding tables in the catalog, and ``more`` with them.

    A call on a table is decided on table, database and catalog.
    https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    stack = stack_of(grantee)
    whole = [stack.arn("glue", "catalog"), stack.arn("glue", f"database/{database}")]
    each = [stack.arn("glue", f"table/{database}/{table}") for table in tables]
    grantee.allow(["glue:GetTable", *more], [*whole, *each])


def allow_listing(grantee: Grantee, *buckets: s3.IBucket) -> None:
    """Allow listing buckets, which is how SageMaker looks up a prefix."""
    grantee.allow(["s3:ListBucket"], [bucket.bucket_arn for bucket in buckets])


def allow_documents(grantee: Grantee, bucket: s3.IBucket, key: kms.IKey, *places: str) -> None:
    """Allow reading objects below prefixes by name: what lies there cannot be listed."""
    objects = objects_in(bucket, *(f"{place}*" for place in places))
    grantee.allow(READ_ACTIONS, objects, reason=BY_PREFIX)
    context = {"kms:EncryptionContext:aws:s3:arn": bucket.bucket_arn}
    grantee.allow(["kms:Decrypt"], [key.key_arn], through(grantee, "s3", context))


def deny_objects(
    role: ServiceRole,
    bucket: s3.IBucket,
    *places: str,
    actions: Sequence[str] = (*READ_ACTIONS, *REPLACE_ACTIONS),
) -> None:
    """Keep a role that owns a zone out of prefixes that are somebody else's all the same."""
    role.policy.add_statements(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=list(actions),
            resources=objects_in(bucket, *(f"{place}*" for place in places)),
        )
    )


def allow_asset(grantee: Grantee, asset: assets.Asset | TarAsset) -> None:
    """Allow reading one file that the deployment published."""
    grantee.allow(
        ["s3:ListBucket"],
        [asset.bucket.bucket_arn],
        {"StringLike": {"s3:prefix": [asset.s3_object_key]}},
    )
    grantee.allow(["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key)])


def allow_pseudonyms(role: ServiceRole, security: Security) -> None:
    """Let a role derive the key of the pseudonyms."""
    role.allow(["kms:GenerateMac"], [security.pseudonym_key.key_arn])


def allow_dead_letters(grantee: Grantee, queue: sqs.IQueue, key: kms.IKey) -> None:
    """Let it leave in the dead-letter queue what could not be delivered or processed."""
    grantee.allow(["sqs:SendMessage"], [queue.queue_arn])
    # SQS's guide does not name the context that its calls carry: hence required only if sent.
    only = {"StringEqualsIfExists": {"kms:EncryptionContext:aws:sqs:arn": queue.queue_arn}}
    uses = ["kms:Decrypt", "kms:GenerateDataKey"]
    grantee.allow(uses, [key.key_arn], through(grantee, "sqs") | only)
