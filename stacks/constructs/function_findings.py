"""Findings that every function shares, acknowledged beside the resource they are about."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from stacks.nag import acknowledge


def acknowledge_shared_concurrency(function: lambda_.Function) -> None:
    """No concurrency of its own: the settings reserve none for this function."""
    acknowledge(
        function,
        "HIPAA.Security-LambdaConcurrency",
        "NIST.800.53.R5-LambdaConcurrency",
        constraint="Reserved concurrency is taken from the account's quota, which is 10 in a "
        "new account and must leave 100 unreserved, so it is a setting without a default.",
        evidence="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
        control="Set reserved_concurrency in the settings file; an alarm watches throttles.",
    )
