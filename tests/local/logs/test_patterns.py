"""Filter patterns of CloudWatch Logs, and that every pattern of our templates can be evaluated."""

from __future__ import annotations

import json

import pytest

from local.services.logs.patterns import PatternError, compile_pattern, select
from tests.synth import ENVIRONMENTS, resources

EVENT = {
    "eventName": "ConsoleLogin", "errorCode": "AccessDeniedException", "count": 12, "root": False,
    "userIdentity": {"type": "Root", "names": ["a", "b"]}, "nothing": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{ $.eventName = ConsoleLogin }", True),
        ('{ $.eventName = "Console" }', False),
        ('{ $.errorCode = "AccessDenied*" }', True),
        ('{ $.errorCode = "*Unauthorized" }', False),
        ("{ $.eventName = %^Console% }", True),
        ('{ $.eventName != "ConsoleLogin" }', False),
        ('{ $.absent != "x" }', False),
        ("{ $.absent NOT EXISTS }", True),
        ("{ $.eventName NOT EXISTS }", False),
        ("{ $.nothing IS NULL }", True),
        ("{ $.absent IS NULL }", False),
        ("{ $.root IS FALSE }", True),
        ("{ $.count >= 12 }", True),
        ("{ $.count > 12 }", False),
        ("{ $.eventName > 1 }", False),
        ("{ $.userIdentity.names[1] = b }", True),
        ("{ $.userIdentity.names[2] = b }", False),
        ("{ $.userIdentity = Root }", False),
        ("{ ($.eventName = x) || ($.userIdentity.type = Root) }", True),
        ("{ ($.eventName = x) && ($.userIdentity.type = Root) }", False),
        # && binds more than ||
        ("{ $.count = 12 || $.count = 1 && $.count = 2 }", True),
        ("{ ($.count = 12 || $.count = 1) && $.count = 2 }", False),
    ],
)
def test_conditions_on_fields(pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(json.dumps(EVENT)) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR disk", "ERROR net", False),
        ('"two words"', "these two words", True),
        ('"two words"', "two more words", False),
        ("ERROR -Exiting", "ERROR Exiting", False),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("{ $.a = 1 }", "not json", False),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    assert compile_pattern(pattern)(message) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = }", "{ $.a ~ 1 }", "{ ($.a = 1 }", "{ $.a = 1 } x", "{ a = 1 }", "{ $.a > x }",
        "{ $.a IS HERE }", "{ $.a = 1 $.b = 2 }", "[a, b]", "%regex%",
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_a_field_is_selected() -> None:
    assert select(EVENT, "$.userIdentity.names[0]") == "a"
    assert select(EVENT, "$.userIdentity.nobody") is None


def test_every_pattern_of_the_templates_can_be_evaluated() -> None:
    patterns = [
        resource["Properties"]["FilterPattern"]
        for environment in ENVIRONMENTS
        for _, _, resource in resources(environment, "AWS::Logs::MetricFilter")
    ]
    assert patterns
    for pattern in patterns:
        assert compile_pattern(pattern)("{}") is False
