"""The dead-letter queue of a deployment: whatever no service could deliver or process ends here.

One queue, because the questions are always the same: where is it from, why did it fail, may it run
again? Every message answers them by its attributes (``docs/runbook.md#dead-letters``). It stands in
the first stack, so its policy cannot name what sends to it: rules of later stacks are recognised
by their names, schedules and functions send as their own roles, with what these are granted.
"""

from __future__ import annotations

from dataclasses import asdict

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import Reason
from stacks.kit.nag import acknowledge, except_from_review

# The longest that SQS allows.
RETENTION_DAYS = 14
LAST = Reason(
    constraint="This queue is itself where undelivered messages end: a dead-letter queue "
    "of its own would only move the question.",
    evidence="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-dead-letter-queues.html",
    control=f"Messages stay for {RETENTION_DAYS} days, the longest that SQS allows, and an "
    "alarm rings while the queue holds any.",
)


class DeadLetters(Construct):
    """``queue``, and ``handed_on``: the same queue for other stacks.

    CDK's targets write their own ARN into the policy of the queue they are given. From a later
    stack that is a cycle; a queue known by reference is left alone.
    """

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=Duration.days(RETENTION_DAYS),
        )
        self.handed_on = sqs.Queue.from_queue_attributes(
            self,
            "HandedOn",
            queue_arn=self.queue.queue_arn,
            queue_name=self.queue.queue_name,
        )
        self._allow_rules()
        self._acknowledge()

    def _allow_rules(self) -> None:
        """EventBridge, which sends as itself: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html."""
        stack = stack_of(self)
        rules = stack.arn("events", f"rule/{stack.names.rule('*')}")
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[self.queue.queue_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": rules},
                },
            )
        )

    def _acknowledge(self) -> None:
        acknowledge(
            self.queue,
            "AwsSolutions-SQS3",
            "Serverless-SQSRedrivePolicy",
            **asdict(LAST),
        )
        except_from_review(self.queue, "control-tower:CT.SQS.PR.1", **asdict(LAST))
