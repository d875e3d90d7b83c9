"""What a Deny does where one of its condition keys is absent: a table, and nothing beside it.

IAM takes a condition on an absent key as met if its operator is negated, ends in ``IfExists`` or
begins with ``ForAllValues``. In a Deny that refuses, so each such pair has a ``Null`` condition
that asks for the key, or a reason here. An ``IfExists`` spares an Allow, and never a Deny.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import iam_evaluator as evaluator

from tests.synth import ENVIRONMENTS, resources

BUCKET, KEY = "AWS::S3::BucketPolicy", "AWS::KMS::Key"
# (type of the policy, operator, key) -> why an absent key may refuse.
REASONS = {
    (BUCKET, "BoolIfExists", "aws:PrincipalIsAWSService"): "absent without a signature: denied",
    (BUCKET, "ForAllValues:StringNotEquals", "aws:CalledVia"): "absent where no service calls on",
    (BUCKET, "ArnNotLike", "aws:PrincipalArn"): "absent for services, which the first key admits",
    (BUCKET, "StringNotEquals", "aws:SourceVpce"): "absent for whoever comes through no endpoint",
    (BUCKET, "StringNotEquals", "aws:PrincipalServiceName"): "absent for all but services: denied",
    (KEY, "BoolIfExists", "kms:GrantIsForAWSResource"): "absent where no service asks: denied",
    (KEY, "BoolIfExists", "aws:PrincipalIsAWSService"): "absent without a signature: denied",
}
BOUNDARY = ("AWS::IAM::ManagedPolicy", "StringNotEquals", "aws:ResourceAccount")


def denials(found: Any) -> Iterator[dict[str, Any]]:
    """Every Deny with a condition, wherever in a resource it stands."""
    if isinstance(found, dict):
        if found.get("Effect") == "Deny" and found.get("Condition"):
            yield found["Condition"]
        for value in found.values():
            yield from denials(value)
    elif isinstance(found, list):
        for value in found:
            yield from denials(value)


def met_if_absent(condition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Operator and key of what holds without the key, unless the statement asks for it."""
    asked = {key for key, wanted in condition.get("Null", {}).items() if wanted == "false"}
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            values = wanted if isinstance(wanted, list) else [str(wanted)]
            if key not in asked and evaluator._evaluate_single_condition(operator, None, values):
                yield operator, key


def _found(environment: str) -> set[tuple[str, str, str]]:
    return {
        (resource["Type"], operator, key)
        for _, _, resource in resources(environment)
        for condition in denials(resource.get("Properties", {}))
        for operator, key in met_if_absent(condition)
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deny_that_an_absent_key_meets_is_guarded_or_has_a_reason(environment: str) -> None:
    assert _found(environment) == set(REASONS)


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"StringNotEquals": {"k": "a"}}, True),
        ({"StringNotEquals": {"k": "a"}, "Null": {"k": "false"}}, False),
        ({"StringNotEquals": {"k": "a"}, "Null": {"other": "false"}}, True),
        ({"StringNotEqualsIfExists": {"k": "a"}}, True),
        ({"BoolIfExists": {"k": "false"}}, True),
        ({"ArnNotLike": {"k": ["a", "b"]}}, True),
        ({"ForAllValues:StringNotLike": {"k": "a"}}, True),
        ({"ForAnyValue:StringNotLike": {"k": "a"}}, False),
        ({"NotIpAddress": {"k": "10.0.0.0/8"}}, True),
        ({"NumericLessThan": {"k": "1.2"}}, False),
        ({"Bool": {"k": "false"}}, False),
        ({"StringEquals": {"k": "a"}}, False),
    ],
)
def test_an_absent_key_meets_what_iam_says(condition: dict[str, Any], met: bool) -> None:
    found = {key for operator, key in met_if_absent(condition) if operator != "Null"}
    assert found == ({"k"} if met else set())
    request = evaluator.EvalContext(
        principal_arn="p", principal_type="AssumedRole", principal_account="1", action="s3:x",
        resource_arn="*", region="", service_context={},
    )  # fmt: skip
    alone = {operator: keys for operator, keys in condition.items() if operator != "Null"}
    guarded = condition.get("Null", {}).get("k") == "false"
    assert evaluator._conditions_met(alone, request) is (met or guarded)
    assert not (guarded and evaluator._conditions_met(condition, request))


def test_the_boundary_asks_for_the_account_before_it_refuses_another() -> None:
    """Lambda's look at a dead-letter queue, when a function is made, may name no account."""
    ((_, _, boundary),) = (
        found
        for found in resources("prod", "AWS::IAM::ManagedPolicy")
        if found[1].startswith("Boundary")
    )
    (condition,) = denials(boundary["Properties"])
    assert condition["Null"] == {BOUNDARY[2]: "false"}
    assert list(met_if_absent({BOUNDARY[1]: condition[BOUNDARY[1]]})) == [BOUNDARY[1:]]
