"""What the account answered to one question of the preflight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError


class State(StrEnum):
    """How a question ended."""

    OK = "ok"
    TOO_LOW = "too low"
    MISSING = "missing"
    NOT_ALLOWED = "not allowed to ask"
    NO_ANSWER = "no answer"


STOPS = frozenset({State.TOO_LOW, State.MISSING})
DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the table.

    Attributes:
        subject: what was asked about.
        state: how it ended.
        said: the number found and the one wanted, or what is missing and why it is needed.
        remedy: the command that mends it, or where to change what.
    """

    subject: str
    state: State
    said: str
    remedy: str = ""

    @property
    def stops(self) -> bool:
        """Whether the deploy would fail."""
        return self.state in STOPS


def ask(subject: str, question: Callable[[], Iterable[Answer]]) -> Iterator[Answer]:
    """The answers to a question; a refusal to answer is one, and stops nothing.

    Whoever deploys through the CDK's roles often may look at little by himself.
    """
    try:
        yield from list(question())
    except ClientError as error:
        denied = error.response["Error"]["Code"] in DENIED
        yield Answer(subject, State.NOT_ALLOWED if denied else State.NO_ANSWER, reason(error))
    except BotoCoreError as error:
        yield Answer(subject, State.NO_ANSWER, reason(error))


def reason(error: BotoCoreError | ClientError) -> str:
    """One line on why AWS did not answer."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error']['Code']}"
    return str(error)
