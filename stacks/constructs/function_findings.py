"""Findings that every function shares, acknowledged once, beside the functions."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_


def acknowledge_execution_policy(policy: iam.ManagedPolicy) -> None:
    pass


def acknowledge_function(
    function: lambda_.Function, *, asynchronous: bool, failure_path: str | None, reserved: bool
) -> None:
    pass
