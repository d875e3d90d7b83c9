"""The ceiling of every role of a deployment.

It grants nothing by itself. It keeps a role that is over-granted by mistake, or whose code is taken
over, from changing identities, from switching the protection off and from moving data to another
account. It is written as exclusions: a list of allowed services would repeat every role's policy.
"""

from __future__ import annotations

from dataclasses import asdict

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.customer_policy import Reason
from stacks.kit.nag import acknowledge, except_from_review

OUT_OF_REACH = (
    "account:*",
    "aws-portal:*",
    "billing:*",
    "cloudtrail:*",
    "config:*",
    "guardduty:*",
    "iam:*",
    "organizations:*",
    "securityhub:*",
    "sso:*",
)
IRREVERSIBLE = (
    "ec2:DeleteFlowLogs",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup",
    "logs:PutRetentionPolicy",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
)
PASSED_TO = (
    "cloudformation.amazonaws.com",
    "glue.amazonaws.com",
    "sagemaker.amazonaws.com",
    "states.amazonaws.com",
)
OUTWARD_WRITES = ("s3:PutObject", "s3:PutObjectAcl", "sns:Publish", "sqs:SendMessage")
BOUNDARY_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
CEILING = Reason(
    constraint="A permissions boundary grants nothing: it is the ceiling of every role, so it "
    "has to span the services and resources of all of them.",
    evidence=BOUNDARY_PAGE,
    control="Each role's own policy names its actions and resources; the boundary denies "
    "identity changes, irreversible calls and writes to other accounts.",
)


def permissions_boundary(scope: Construct, stack: BaseStack) -> iam.ManagedPolicy:
    """Create the boundary that every role of the deployment carries."""
    boundary = iam.ManagedPolicy(
        scope,
        "Boundary",
        description="Ceiling of every Millrace role of this deployment",
        path=stack.names.role_path,
        statements=[
            iam.PolicyStatement(not_actions=list(OUT_OF_REACH), resources=["*"]),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[stack.roles_arn],
                conditions={"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
            ),
            iam.PolicyStatement(
                effect=iam.Effect.DENY, actions=list(IRREVERSIBLE), resources=["*"]
            ),
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(OUTWARD_WRITES),
                resources=["*"],
                # A negated operator also holds where the key is absent, and Lambda's look at a
                # dead-letter queue, when a function is made, may name no account.
                conditions={
                    "StringNotEquals": {"aws:ResourceAccount": stack.account},
                    "Null": {"aws:ResourceAccount": "false"},
                },
            ),
        ],
    )
    _acknowledge(boundary)
    return boundary


def _acknowledge(boundary: iam.ManagedPolicy) -> None:
    """``AwsSolutions-IAM5`` without a finding: cdk-nag cannot read a NotAction statement at all."""
    acknowledge(
        boundary,
        "AwsSolutions-IAM5",
        "CloudFormation-Validate::W2512",
        **asdict(CEILING),
    )
    except_from_review(
        boundary,
        *(f"checkov:CKV_AWS_{number}" for number in (107, 108, 109, 110, 111)),
        "control-tower:CT.IAM.PR.3",
        "parliament:RESOURCE_STAR",
        **asdict(CEILING),
    )
