"""Keys, boundary, access logs, alert topics, dead letters, pseudonyms: what all others need."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from constructs import Construct

from config.load import Deployment
from stacks.kit.base_stack import BaseStack
from stacks.kit.capability import capabilities_of
from stacks.kit.foundation import Security
from stacks.kit.runtime_policies import runtime_policies
from stacks.security.access_log_bucket import access_log_bucket
from stacks.security.alert_topic import AlertTopic, AlertTopicProps
from stacks.security.dead_letters import DeadLetters
from stacks.security.domain_keys import domain_keys
from stacks.security.permissions_boundary import permissions_boundary
from stacks.security.pseudonym_key import pseudonym_key


class SecurityStack(BaseStack):
    """Stateful: losing a key loses what it encrypts, losing the HMAC key ends every pseudonym."""

    def __init__(self, scope: Construct, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            "security",
            deployment=deployment,
            description="Millrace: keys by domain, permissions boundary, alert topics, access logs",
            stateful=True,
        )
        self.keys = domain_keys(self, self)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=self.keys.messages)
        boundary = permissions_boundary(self, self)
        for capability in capabilities_of(self):
            capability.keys_made(self, self.keys, boundary)
        operations = self._define_topic("Operations")
        self.outputs = Security(
            keys=self.keys,
            boundary=boundary,
            access_logs=access_log_bucket(self, self),
            ops_topic=operations,
            security_topic=self._define_topic("Security"),
            pseudonym_key=pseudonym_key(self, self),
            runtimes=runtime_policies(
                self,
                self,
                images=sorted({one.settings.training.algorithm.IMAGE for one in deployment.models}),
                keys=self.keys,
                alerts=operations,
                dead_letters=self.dead_letters.handed_on,
            ),
            dead_letters=self.dead_letters.handed_on,
        )

    def _define_topic(self, audience: str) -> sns.Topic:
        props = AlertTopicProps(
            display_name=f"{self.names.stack_prefix} {audience.lower()}",
            key=self.keys.messages,
            email=self.settings.owner.email,
            dead_letters=self.dead_letters.queue,
        )
        return AlertTopic(self, f"{audience}Alerts", props=props).topic
