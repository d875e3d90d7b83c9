"""The keys of a deployment: one for each domain whose readers differ."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.data_lake.producers import by_account
from stacks.kit.base_stack import BaseStack, generated
from stacks.kit.capability import capabilities_of
from stacks.kit.foundation import Keys
from stacks.security.break_glass import error_readers
from stacks.security.domain_key import CallerUse, DomainKey, DomainKeyProps, ServiceUse

ENVELOPE_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
LOG_ACTIONS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def domain_keys(scope: Construct, stack: BaseStack) -> Keys:
    """Create the five keys. Purposes and readers: :class:`stacks.kit.foundation.Keys`."""
    return Keys(
        data=_data(scope),
        raw=_raw(scope, stack),
        models=_models(scope),
        logs=_logs(scope, stack),
        messages=_messages(scope, stack),
    )


def _data(scope: Construct) -> kms.IKey:
    props = DomainKeyProps(
        purpose="curated and features data, catalog and query results",
        via=["s3", "athena", "glue", "dynamodb", "sqs"],
        grants_via=["dynamodb"],
    )
    return DomainKey(scope, "DataKey", props=props).key


def _raw(scope: Construct, stack: BaseStack) -> kms.IKey:
    props = DomainKeyProps(
        purpose="landed, original and failed records, classified values in clear",
        via=["s3", "firehose", "kinesis"],
        # Producers may upload to the landing zone; reading back is for this deployment's roles, and
        # for break-glass roles in the raw zone.
        outsiders=("kms:GenerateDataKey",),
        # Firehose encrypts what it buffers under a grant that the deploying role creates.
        grants_via=["firehose", "kinesis"],
        callers=[*_producers(stack), *error_readers(stack)],
    )
    return DomainKey(scope, "RawKey", props=props).key


def _producers(stack: BaseStack) -> list[CallerUse]:
    """Who sends to a stream or uploads a file in parts: see ``producers``.

    Firehose hands no record back, so decrypting through it opens nothing. Through S3 it would, were
    it not for the landing zone's context and for the roles, which are granted no reading.
    """
    senders = CallerUse("firehose", ENVELOPE_ACTIONS, stack.account, {})
    landing = f"arn:{stack.partition}:s3:::{generated(stack).lower()}*-landing*"
    uploaders = [
        CallerUse(
            "s3",
            ENVELOPE_ACTIONS,
            account,
            {
                "ArnLike": {
                    "aws:PrincipalArn": roles,
                    "kms:EncryptionContext:aws:s3:arn": landing,
                }
            },
        )
        for account, roles in by_account(stack, stack.settings.perimeter.landing_roles).items()
    ]
    return [senders, *uploaders]


def _models(scope: Construct) -> kms.IKey:
    props = DomainKeyProps(
        purpose="model artefacts, captured predictions, volumes of jobs and endpoints",
        via=["s3", "sagemaker", "ec2"],
        grants_via=["sagemaker", "ec2"],
    )
    return DomainKey(scope, "ModelsKey", props=props).key


def _logs(scope: Construct, stack: BaseStack) -> kms.IKey:
    account, region = stack.account, stack.region
    groups = f"arn:{stack.partition}:logs:{region}:{account}:log-group:*"
    trails = f"arn:{stack.partition}:cloudtrail:{region}:{account}:trail/*"
    props = DomainKeyProps(
        purpose="log groups and the audit trail",
        via=["s3", "logs", "cloudtrail"],
        services=[
            ServiceUse(
                f"logs.{region}.amazonaws.com",
                LOG_ACTIONS,
                {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            ),
            ServiceUse(
                "cloudtrail.amazonaws.com",
                ("kms:GenerateDataKey",),
                {
                    "ArnLike": {
                        "aws:SourceArn": trails,
                        "kms:EncryptionContext:aws:cloudtrail:arn": trails,
                    }
                },
            ),
            ServiceUse(
                "cloudtrail.amazonaws.com",
                ("kms:DescribeKey",),
                {"ArnLike": {"aws:SourceArn": trails}},
            ),
        ],
    )
    return DomainKey(scope, "LogsKey", props=props).key


def _messages(scope: Construct, stack: BaseStack) -> kms.IKey:
    more = [name for each in capabilities_of(stack) for name in each.key_services("messages")]
    props = DomainKeyProps(
        purpose="alert topics, queues and environment variables",
        via=["sns", "sqs", "lambda", "dynamodb", "states", "ssm", *more],
        grants_via=["lambda", "dynamodb", *more],
        services=_senders(stack),
    )
    return DomainKey(scope, "MessagesKey", props=props).key


def _senders(stack: BaseStack) -> list[ServiceUse]:
    """Services that send to topics and to the dead-letter queue, for those of this deployment.

    The key comes before them, so they are known by the names that CloudFormation makes. What a
    queue's calls carry is not documented: whoever sends to one has its context checked if sent,
    and the account: "Adding the aws:SourceAccount and aws:SourceArn to a KMS policy is not
    supported for EventBridge-to-encrypted topics", and a rule under such a key delivers nothing.
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/407
    """
    topics, queues = (
        {f"kms:EncryptionContext:{context}": _named(stack, service)}
        for context, service in (("aws:sns:topicArn", "sns"), ("aws:sqs:arn", "sqs"))
    )
    ours = {"aws:SourceAccount": stack.account}
    to_topics = {"StringEquals": ours, "ArnLike": topics}
    to_queues = {"StringEqualsIfExists": ours, "ArnLikeIfExists": topics | queues}
    return [
        ServiceUse(f"{name}.amazonaws.com", ENVELOPE_ACTIONS, conditions)
        for name, conditions in (
            ("cloudwatch", to_topics),
            ("budgets", to_topics),
            ("events", to_queues),
            ("sns", to_queues),
        )
    ]


def _named(stack: BaseStack, service: str) -> str:
    return stack.arn(service, f"{generated(stack)}*")
