"""Which key is not enough: policies name what a service may use it for."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.rooms import expected
from tests.synth import ENVIRONMENTS, resources

CONTEXTS = {
    "sns": "aws:sns:topicArn",
    "sqs": "aws:sqs:arn",
    "dynamodb": "aws:dynamodb:tableName",
    "s3": "aws:s3:arn",
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_uses_a_key_for_named_resources_only(environment: str) -> None:
    """The encryption context names bucket, topic, queue or table wherever the service sends one."""
    without = []
    for stack, logical_id, policy in resources(environment, "AWS::IAM::ManagedPolicy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            told = json.dumps(statement.get("Condition", {}))
            via = re.findall(r"\b(sns|sqs|dynamodb|s3)\.[a-z0-9-]+\.amazonaws\.com", told)
            if via and statement["Effect"] == "Allow" and "kms:" in json.dumps(statement["Action"]):
                missing = [s for s in via if f"kms:EncryptionContext:{CONTEXTS[s]}" not in told]
                without += [f"{stack}/{logical_id}"] if missing else []
    known = tuple(policy for named in expected("policies_without_context") for policy in named)
    assert not [found for found in without if not found.startswith(known)]


def test_services_use_the_key_of_messages_for_this_deployments_only() -> None:
    (statements,) = (
        key["Properties"]["KeyPolicy"]["Statement"]
        for _, logical_id, key in resources("prod", "AWS::KMS::Key")
        if logical_id.startswith("MessagesKey")
    )
    found = {}
    for statement in statements:
        services = statement["Principal"].get("Service", [])
        for service in [services] if isinstance(services, str) else services:
            found[service] = statement["Condition"]
    topics, queues = "kms:EncryptionContext:aws:sns:topicArn", "kms:EncryptionContext:aws:sqs:arn"
    ours = {"aws:SourceAccount"}
    for service in ("cloudwatch", "budgets"):
        told = found[f"{service}.amazonaws.com"]
        assert ":Millrace-flights-prod-*" in json.dumps(told["ArnLike"][topics])
        assert set(told["StringEquals"]) == ours
    # EventBridge names no source to a key, and what SNS names to one of a queue is not documented.
    for service in ("events", "sns"):
        told = found[f"{service}.amazonaws.com"]
        assert set(told) == {"ArnLikeIfExists", "StringEqualsIfExists"}
        assert set(told["ArnLikeIfExists"]) == {topics, queues}
        assert set(told["StringEqualsIfExists"]) == ours
    assert len(found) == 4
