"""Parsed policies are reused by their text alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.emulator import parsed_policies


def _document(action: str) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def test_one_text_is_parsed_once_and_another_text_anew() -> None:
    seen: list[str] = []

    def parse(document: str) -> list[Any]:
        seen.append(document)
        return [json.loads(document)["Statement"][0]["Action"]]

    once = parsed_policies._parsed_once(parse)
    assert [once(_document("s3:GetObject")), once(_document("s3:GetObject"))] == [
        ["s3:GetObject"],
        ["s3:GetObject"],
    ]
    assert once(_document("s3:PutObject")) == ["s3:PutObject"]
    assert len(seen) == 2


def test_a_list_that_a_caller_changes_is_the_callers_own() -> None:
    once = parsed_policies._parsed_once(lambda document: [document])
    once("text").append("more")
    assert once("text") == ["text"]


@pytest.mark.parametrize("document", ["{", "[1", ""])
def test_a_broken_resource_policy_allows_nothing(document: str) -> None:
    from ministack.core import iam_evaluator as evaluator

    context = evaluator.EvalContext(
        principal_arn="arn:aws:iam::123456789012:role/r",
        principal_type="AssumedRole",
        principal_account="123456789012",
        action="s3:GetObject",
        resource_arn="arn:aws:s3:::bucket/key",
        region="eu-west-1",
    )
    evaluate = parsed_policies._loaded_once(evaluator.evaluate_resource_policy)
    assert evaluate(document, context).decision == "ImplicitDeny"
