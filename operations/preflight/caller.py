"""Who asks, and in which account: without an answer no other question makes sense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from config.settings import Settings
from operations.preflight.answer import Answer, State, reason

SUBJECT = "account"


class UnknownCallerError(Exception):
    """AWS does not know the caller; the message is one line."""


def account_of_caller(sts: Callable[[], Any]) -> str:
    """Id of the caller's account, which everybody with valid credentials may ask for.

    ``sts`` makes the client: a profile that does not exist is found out there already.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

    Raises:
        UnknownCallerError: no credentials, or none that AWS takes.
    """
    try:
        return str(sts().get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise UnknownCallerError(
            f"AWS does not know who asks: {reason(error)}. Sign in, or name a profile in "
            "AWS_PROFILE; 'aws sts get-caller-identity' has to answer"
        ) from error


def right_account(settings: Settings, account: str) -> Answer:
    """Whether the caller is where the settings say; they need not say."""
    if settings.account in {None, account}:
        return Answer(SUBJECT, State.OK, account)
    return Answer(
        SUBJECT,
        State.MISSING,
        f"the credentials are of {account}; the settings' account is {settings.account}",
        f"credentials of {settings.account}, or account in config/{settings.environment}.yaml",
    )
