"""A topic that people are woken by: encrypted, TLS only, published to by this account's alarms."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.kit.base_stack import stack_of

# The services that alarm, and the resources of this account on whose behalf they may publish.
PUBLISHERS = {
    "cloudwatch.amazonaws.com": "arn:{partition}:cloudwatch:{region}:{account}:alarm:*",
    "events.amazonaws.com": "arn:{partition}:events:{region}:{account}:rule/*",
    "budgets.amazonaws.com": "arn:{partition}:budgets::{account}:*",
}


@dataclass(frozen=True, slots=True)
class AlertTopicProps:
    """Who reads the alerts, and under which key they travel."""

    display_name: str
    key: kms.IKey
    email: str
    dead_letters: sqs.IQueue
    """Where an alert stays that SNS could not deliver; its policy admits the topic."""


class AlertTopic(Construct):
    """Topic, topic policy and e-mail subscription with its dead-letter queue."""

    def __init__(self, scope: Construct, construct_id: str, *, props: AlertTopicProps) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=props.display_name,
            master_key=props.key,
            enforce_ssl=True,
        )
        self._allow_alarms()
        self.topic.add_subscription(
            subscriptions.EmailSubscription(props.email, dead_letter_queue=props.dead_letters)
        )

    def _allow_alarms(self) -> None:
        stack = stack_of(self)
        for service, pattern in PUBLISHERS.items():
            source = pattern.format(
                partition=stack.partition, region=stack.region, account=stack.account
            )
            self.topic.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["sns:Publish"],
                    principals=[iam.ServicePrincipal(service)],
                    resources=[self.topic.topic_arn],
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {"aws:SourceArn": source},
                    },
                )
            )
