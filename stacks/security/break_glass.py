"""What a break-glass role reads of the raw zone: the errors, and nothing else.

Operations read failed records below ``errors/``, where nobody of the deployment is at hand. The
zone's key cannot tell them from originals: with a Bucket Key the context that S3 sends names the
bucket alone. So the key admits the roles for the bucket, and the bucket denies them all other
objects. Originals hold every classified value in clear; errors hold those of failed records.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
"""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from core import names
from stacks.data_lake.producers import by_account
from stacks.kit.base_stack import BaseStack, generated
from stacks.kit.s3_perimeter import role_arn
from stacks.security.domain_key import CallerUse


def error_readers(stack: BaseStack) -> list[CallerUse]:
    """The raw key's uses by break-glass roles, in the raw zone's bucket alone.

    The key comes before the bucket, which is known by the name that CloudFormation makes.
    """
    raw = f"arn:{stack.partition}:s3:::{generated(stack).lower()}*-rawbucket*"
    return [
        CallerUse(
            "s3",
            ["kms:Decrypt"],
            account,
            {"ArnLike": {"aws:PrincipalArn": roles, "kms:EncryptionContext:aws:s3:arn": raw}},
        )
        for account, roles in by_account(stack, stack.settings.perimeter.break_glass_roles).items()
    ]


def deny_originals(raw: s3.Bucket, stack: BaseStack) -> None:
    """Refuse break-glass roles what is no error; roles of the deployment are not meant."""
    roles = [role_arn(stack, role) for role in stack.settings.perimeter.break_glass_roles]
    if not roles:
        return
    raw.add_to_resource_policy(
        iam.PolicyStatement(
            sid="OnlyErrorsForBreakGlass",
            effect=iam.Effect.DENY,
            actions=["s3:GetObject", "s3:GetObjectVersion"],
            principals=[iam.AnyPrincipal()],
            not_resources=[raw.arn_for_objects(f"{place}*") for place in names.RAW_ERRORS.values()],
            conditions={
                "ArnLike": {"aws:PrincipalArn": roles},
                "ArnNotLike": {"aws:PrincipalArn": stack.roles_arn},
            },
        )
    )
