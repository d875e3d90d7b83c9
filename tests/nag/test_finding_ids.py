"""Ids with references are written as cdk-nag writes them, or an acknowledgement misses."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.kit.nag import flatten


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ({"Ref": "AWS::AccountId"}, "<AWS::AccountId>"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "<Bucket.Arn>"),
        ({"Fn::Sub": "assets-${AWS::AccountId}"}, "assets-<AWS::AccountId>"),
        ({"Fn::ImportValue": "Exported"}, "Exported"),
        ({"Fn::Join": ["/", [{"Ref": "Bucket"}, "runs", "*"]]}, "<Bucket>/runs/*"),
        (
            {"Fn::GetStackOutput": {"StackName": "lake", "OutputName": "Arn"}},
            '{"Fn::GetStackOutput":{"StackName":"lake","OutputName":"Arn"}}',
        ),
    ],
)
def test_references_are_flattened_as_in_finding_ids(value: Any, expected: str) -> None:
    assert flatten(value) == expected
