"""Nothing is lost: whatever can fail unseen ends in the one dead-letter queue, which is watched.

Who may send to it is decided by the synthesised policy, with the evaluator that enforces it on the
local platform.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ministack.core import iam_evaluator as evaluator

from config.load import load_deployment
from tests.synth import ENVIRONMENTS, resources, templates

EACH = pytest.mark.parametrize("environment", ENVIRONMENTS)
ACCOUNT, OTHER = "111122223333", "444455556666"
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::Region": "eu-west-1"}
EVENTS, SNS = "events.amazonaws.com", "sns.amazonaws.com"


def _literal(value: Any) -> Any:
    """A value of the security stack's template with references as texts."""
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        delimiter, items = value["Fn::Join"]
        return delimiter.join(_literal(item) for item in items)
    if "Ref" in value:
        name = value["Ref"]
        return PSEUDO.get(name, f"arn:aws:sns:eu-west-1:{ACCOUNT}:{name}")
    if "Fn::GetAtt" in value:
        return f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{value['Fn::GetAtt'][0]}"
    return {key: _literal(item) for key, item in value.items()}


def _queue(environment: str) -> str:
    """Logical id of the deployment's only queue."""
    ((stack, logical_id, _),) = resources(environment, "AWS::SQS::Queue")
    assert stack == "security"
    return logical_id


def _attribute_of_queue(environment: str, value: Any) -> str | None:
    """Which attribute of the queue a template's value is, through the stack's output; or None."""
    if "Fn::GetStackOutput" in value:
        output = value["Fn::GetStackOutput"]
        assert output["StackName"].endswith(f"-{environment}-security")
        value = templates(environment)["security"]["Outputs"][output["OutputName"]]["Value"]
    logical_id, attribute = value.get("Fn::GetAtt", (None, None))
    return attribute if logical_id == _queue(environment) else None


def _are_letters(environment: str, value: Any) -> bool:
    return _attribute_of_queue(environment, value) == "Arn"


@EACH
def test_every_function_keeps_the_event_it_fails_on(environment: str) -> None:
    functions = resources(environment, "AWS::Lambda::Function")
    assert len(functions) == 8
    for _, logical_id, function in functions:
        letters = function["Properties"]["DeadLetterConfig"]["TargetArn"]
        assert _are_letters(environment, letters), logical_id
    # With a destination, too, every failure would be reported twice.
    assert not resources(environment, "AWS::Lambda::EventInvokeConfig")


@EACH
def test_every_target_of_a_rule_keeps_the_event_it_does_not_get(environment: str) -> None:
    rules = resources(environment, "AWS::Events::Rule")
    prefix = f"Millrace-flights-{environment}-"
    assert rules
    for _, logical_id, rule in rules:
        assert rule["Properties"]["Name"].startswith(prefix), logical_id
        for target in rule["Properties"]["Targets"]:
            assert _are_letters(environment, target["DeadLetterConfig"]["Arn"]), logical_id


@EACH
def test_every_schedule_keeps_the_call_it_cannot_make(environment: str) -> None:
    schedules = resources(environment, "AWS::Scheduler::Schedule")
    settings = load_deployment(environment).settings
    assert len(schedules) == 1 + sum(
        expression is not None
        for expression in (
            settings.processing.curate_schedule,
            settings.training.schedule,
            settings.monitoring.schedule,
        )
    )
    for _, logical_id, schedule in schedules:
        letters = schedule["Properties"]["Target"]["DeadLetterConfig"]["Arn"]
        assert _are_letters(environment, letters), logical_id


@EACH
def test_every_subscription_keeps_the_alert_it_cannot_deliver(environment: str) -> None:
    subscriptions = resources(environment, "AWS::SNS::Subscription")
    assert len(subscriptions) == 2
    for _, logical_id, subscription in subscriptions:
        letters = subscription["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
        assert _are_letters(environment, letters), logical_id


@EACH
def test_who_sends_with_a_role_is_granted_queue_and_key(environment: str) -> None:
    senders = {"lambda.amazonaws.com", "scheduler.amazonaws.com"}
    roles = {
        (stack, logical_id)
        for stack, logical_id, role in resources(environment, "AWS::IAM::Role")
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"].get("Service") in senders
    }
    granted = set()
    for stack, logical_id, policy in resources(environment, "AWS::IAM::ManagedPolicy"):
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        sends = any(
            statement.get("Action") == "sqs:SendMessage"
            and _are_letters(environment, statement["Resource"])
            for statement in statements
        )
        seals = any(
            statement.get("Action") == ["kms:Decrypt", "kms:GenerateDataKey"]
            and "sqs." in json.dumps(statement.get("Condition", {}))
            for statement in statements
        )
        assert sends == seals
        if sends:
            granted |= _holders(environment, stack, logical_id, policy)
    assert granted == roles


def _holders(
    environment: str, stack: str, logical_id: str, policy: dict[str, Any]
) -> set[tuple[str, str]]:
    """Roles that a policy names, or that attach it."""
    named = {(stack, role["Ref"]) for role in policy["Properties"].get("Roles", [])}
    return named | {
        (place, role_id)
        for place, role_id, role in resources(environment, "AWS::IAM::Role")
        if logical_id in json.dumps(role["Properties"].get("ManagedPolicyArns", []))
    }


@EACH
def test_one_alarm_rings_while_the_queue_holds_anything(environment: str) -> None:
    (alarm,) = (
        alarm["Properties"]
        for _, _, alarm in resources(environment, "AWS::CloudWatch::Alarm")
        if alarm["Properties"].get("Namespace") == "AWS/SQS"
    )
    (dimension,) = alarm["Dimensions"]
    assert _attribute_of_queue(environment, dimension["Value"]) == "QueueName"
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert alarm["Threshold"] == 1
    assert alarm["AlarmDescription"].endswith("docs/runbook.md#dead-letters")


@EACH
def test_letters_are_sealed_and_stay_as_long_as_possible(environment: str) -> None:
    ((_, _, queue),) = resources(environment, "AWS::SQS::Queue")
    assert "MessagesKey" in json.dumps(queue["Properties"]["KmsMasterKeyId"])
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600


# Who may send: (service principal, account, source)
SENDERS = [
    (EVENTS, ACCOUNT, "events:eu-west-1:{account}:rule/Millrace-flights-prod-model-breach", True),
    (EVENTS, ACCOUNT, "events:eu-west-1:{account}:rule/Millrace-flights-dev-model-breach", False),
    (EVENTS, ACCOUNT, "events:eu-west-1:{account}:rule/Millrace-flights-production-x", False),
    (EVENTS, ACCOUNT, "events:us-east-1:{account}:rule/Millrace-flights-prod-x", False),
    (EVENTS, OTHER, "events:eu-west-1:{account}:rule/Millrace-flights-prod-model-breach", False),
    (EVENTS, ACCOUNT, "events:eu-west-1:{account}:rule/somebody-elses", False),
    (SNS, ACCOUNT, "sns:eu-west-1:{account}:{ops}", True),
    (SNS, ACCOUNT, "sns:eu-west-1:{account}:{ops}-not", False),
    (SNS, OTHER, "sns:eu-west-1:{account}:{ops}", False),
    ("s3.amazonaws.com", ACCOUNT, "s3:::millrace-flights-prod-raw", False),
    ("lambda.amazonaws.com", ACCOUNT, "lambda:eu-west-1:{account}:function:x", False),
]


def _decision(service: str, account: str, source: str, *, secure: bool = True) -> str:
    ((_, _, policy),) = resources("prod", "AWS::SQS::QueuePolicy")
    document = json.dumps(_literal(policy["Properties"]["PolicyDocument"]))
    request = evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sqs:SendMessage",
        resource_arn=f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{_queue('prod')}",
        region="eu-west-1",
        source_ip="192.0.2.1",
        secure_transport=secure,
        service_context={"aws:sourcearn": f"arn:aws:{source}", "aws:sourceaccount": account},
    )
    found = evaluator.evaluate_resource_policy(document, request, service=service)
    return str(found.decision)


@pytest.mark.parametrize(("service", "account", "source", "admitted"), SENDERS)
def test_the_queue_takes_letters_of_our_rules_and_topics_alone(
    service: str, account: str, source: str, admitted: bool
) -> None:
    ops = next(i for _, i, _ in resources("prod", "AWS::SNS::Topic") if i.startswith("Operations"))
    source = source.format(account=account, ops=ops)
    assert (_decision(service, account, source) == "Allow") is admitted
    assert _decision(service, account, source, secure=False) == "Deny"
