"""What a producer's role needs, as a policy to attach: one for streams, one for files.

Producers are outside the deployment; their roles are their own. A caller of Firehose needs the
stream's key itself since April 2026, to encrypt and to decrypt:
https://github.com/ministryofjustice/modernisation-platform/issues/12957. A file above the 8 MB of
the CLI goes up in parts, which S3 decrypts to put them together, with the uploader's rights:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions. Nothing
here reads: neither records of a stream nor objects of the landing zone can be fetched with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from core import names
from stacks.kit.base_stack import BaseStack
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.grants import BY_PREFIX, through
from stacks.kit.s3_perimeter import role_arn

STREAM_ACTIONS = ("firehose:PutRecord", "firehose:PutRecordBatch")
UPLOAD_ACTIONS = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject")
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")


def stream_producers(scope: Construct, *, streams: Sequence[str], key: kms.IKey) -> CustomerPolicy:
    """The policy for who sends to delivery streams (ARNs), under their key."""
    policy = CustomerPolicy(
        scope, "StreamProducers", description="May send records to the delivery streams"
    )
    policy.allow(STREAM_ACTIONS, streams)
    policy.allow(KEY_ACTIONS, [key.key_arn], through(policy, "firehose"))
    CfnOutput(scope, "StreamProducersPolicyArn", value=policy.managed_policy_arn)
    return policy


def file_producers(scope: Construct, *, landing: s3.IBucket, key: kms.IKey) -> CustomerPolicy:
    """The policy for who uploads files; the role has to stand in ``perimeter.landing_roles``."""
    policy = CustomerPolicy(
        scope, "FileProducers", description="May upload files to the landing zone"
    )
    policy.allow(UPLOAD_ACTIONS, _places(landing), reason=BY_PREFIX)
    context = {"kms:EncryptionContext:aws:s3:arn": landing.bucket_arn}
    policy.allow(KEY_ACTIONS, [key.key_arn], through(policy, "s3", context))
    CfnOutput(scope, "FileProducersPolicyArn", value=policy.managed_policy_arn)
    return policy


def admit_file_producers(landing: s3.Bucket, stack: BaseStack) -> None:
    """Let the roles of the settings upload, those of other accounts too."""
    roles = stack.settings.perimeter.landing_roles
    for account, arns in by_account(stack, roles).items():
        landing.add_to_resource_policy(
            iam.PolicyStatement(
                actions=list(UPLOAD_ACTIONS),
                principals=[iam.AccountPrincipal(account)],
                resources=_places(landing),
                conditions={"ArnLike": {"aws:PrincipalArn": arns}},
            )
        )


def by_account(stack: BaseStack, roles: Sequence[str]) -> Mapping[str, list[str]]:
    """ARNs of roles that the settings name, by the account that they are of."""
    found: dict[str, list[str]] = {}
    for role in roles:
        arn = role_arn(stack, role)
        account = role.split(":")[4] if role.startswith("arn:") else stack.account
        found.setdefault(account, []).append(arn)
    return found


def _places(landing: s3.IBucket) -> list[str]:
    return [landing.arn_for_objects(f"{stream}/*") for stream in names.STREAMS]
