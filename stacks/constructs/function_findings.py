"""Findings that every function shares, acknowledged beside the resource they are about."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from stacks.nag import acknowledge

ASYNC_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"


def acknowledge_function(
    function: lambda_.Function, *, failure_path: str | None, has_destination: bool, reserved: bool
) -> None:
    """Dead-letter queue and reserved concurrency.

    Args:
        function: the function.
        failure_path: where a failure surfaces, in words, if no event is queued for the function.
        has_destination: failed asynchronous events go to an on-failure destination.
        reserved: the settings reserve concurrency for it.
    """
    surfaces = failure_path or "Failed events go to the function's on-failure destination"
    if failure_path or has_destination:
        acknowledge(
            function,
            "HIPAA.Security-LambdaDLQ",
            "NIST.800.53.R5-LambdaDLQ",
            "Serverless-LambdaDLQ",
            constraint="Lambda's dead-letter queue takes events of asynchronous invocations only, "
            "and without the error that an on-failure destination carries.",
            evidence=ASYNC_PAGE,
            control=f"{surfaces}; an alarm watches the function's errors.",
        )
    if not reserved:
        acknowledge(
            function,
            "HIPAA.Security-LambdaConcurrency",
            "NIST.800.53.R5-LambdaConcurrency",
            constraint="Reserved concurrency is taken from the account's quota, which is 10 in a "
            "new account and must leave 100 unreserved, so it is a setting without a default.",
            evidence="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
            control="Set reserved_concurrency in the settings file; an alarm watches throttles.",
        )
