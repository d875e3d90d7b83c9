"""Findings that every function shares, acknowledged beside the resource they are about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict

from aws_cdk import aws_lambda as lambda_

from stacks.kit.customer_policy import Reason
from stacks.kit.nag import acknowledge, except_from_review

SHARED = Reason(
    constraint="Reserved concurrency is taken from the account's quota, which is 10 in a "
    "new account and must leave 100 unreserved, so it is a setting without a default.",
    evidence="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
    control="Set reserved_concurrency in the settings file; an alarm watches throttles.",
)
# As long as a secret access key, and of its letters: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
_SECRET_FORM = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])")
_PARAMETER = "_PARAMETER"


def acknowledge_shared_concurrency(function: lambda_.Function) -> None:
    """No concurrency of its own: the settings reserve none for this function."""
    acknowledge(
        function,
        "HIPAA.Security-LambdaConcurrency",
        "NIST.800.53.R5-LambdaConcurrency",
        **asdict(SHARED),
    )
    except_from_review(function, "checkov:CKV_AWS_115", **asdict(SHARED))


def except_names_like_secrets(function: lambda_.Function, environment: Mapping[str, str]) -> None:
    """Names of parameters that happen to be as long as a secret access key.

    Any other variable of that form stays a finding.
    """
    likes = {key for key, value in environment.items() if _SECRET_FORM.search(value)}
    if not likes or not all(key.endswith(_PARAMETER) for key in likes):
        return
    except_from_review(
        function,
        "checkov:CKV_AWS_45",
        constraint="A variable holds the name of an SSM parameter, which with this instance and "
        "environment has the 40 characters of a secret access key.",
        evidence="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
        control="The names come from the settings; functions hold no secret, and their variables "
        "are encrypted under a customer key.",
    )
