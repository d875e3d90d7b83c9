"""Keys, boundary, access-log bucket, alert topics, pseudonym secret: what all others need."""

from __future__ import annotations

from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.load import Deployment
from stacks.constructs.access_log_bucket import access_log_bucket
from stacks.constructs.alert_topic import AlertTopic, AlertTopicProps, undelivered_queue
from stacks.constructs.base_stack import BaseStack
from stacks.constructs.domain_keys import domain_keys
from stacks.constructs.foundation import Security
from stacks.constructs.log_group import removal_policy
from stacks.constructs.permissions_boundary import permissions_boundary
from stacks.constructs.replication import replication_role
from stacks.nag import acknowledge

PSEUDONYM_KEY_LENGTH = 64


class SecurityStack(BaseStack):
    """Stateful: losing a key loses what it encrypts, losing the secret breaks every pseudonym."""

    def __init__(self, scope: Construct, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            "security",
            deployment=deployment,
            description="Millrace: keys by domain, permissions boundary, alert topics, access logs",
            stateful=True,
        )
        self.keys = domain_keys(self, self)
        self.undelivered = undelivered_queue(self, "UndeliveredAlerts", key=self.keys.messages)
        boundary = permissions_boundary(self, self)
        replicator = replication_role(self, self, keys=self.keys, boundary=boundary)
        self.outputs = Security(
            keys=self.keys,
            boundary=boundary,
            access_logs=access_log_bucket(self, self, replicator),
            replication_role=replicator.role.role_arn if replicator else None,
            ops_topic=self._define_topic("Operations"),
            security_topic=self._define_topic("Security"),
            pseudonym_secret=self._define_pseudonym_secret(),
        )

    def _define_topic(self, audience: str) -> sns.Topic:
        props = AlertTopicProps(
            display_name=f"{self.names.stack_prefix} {audience.lower()}",
            key=self.keys.messages,
            email=self.settings.owner.email,
            undelivered=self.undelivered,
        )
        return AlertTopic(self, f"{audience}Alerts", props=props).topic

    def _define_pseudonym_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "PseudonymKey",
            description="Key of the pseudonyms that replace classified values",
            encryption_key=self.keys.messages,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=PSEUDONYM_KEY_LENGTH, exclude_punctuation=True
            ),
            removal_policy=removal_policy(self.settings),
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "HIPAA.Security-SecretsManagerRotationEnabled",
            "NIST.800.53.R5-SecretsManagerRotationEnabled",
            constraint="The secret is the key of the pseudonyms: a rotated key would give every "
            "value a second pseudonym and break joins with everything already stored.",
            evidence="docs/adr/0021-pseudonym-key-is-not-rotated.md",
            control="The secret never leaves Secrets Manager's customer key, only the transform, "
            "router and curate roles may read it, and every read stands in the audit trail.",
        )
        return secret
