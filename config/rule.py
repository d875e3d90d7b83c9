"""One cross-field rule of the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from config.settings import Settings

Refused = Callable[[Settings], bool]
Part = TypeVar("Part")

AWS = "https://docs.aws.amazon.com/"


@dataclass(frozen=True, slots=True)
class Rule:
    """A combination of settings that is refused.

    Attributes:
        id: stable identifier, shown with the error.
        field: dotted path of the value that is blamed.
        with_fields: the other settings that the rule reads; it is skipped when one of them is
            already refused by itself.
        refused: whether the settings break the rule.
        allowed: what may stand there; ``{settings.…}`` is filled in. A function where the text
            has a figure that is computed.
        evidence: the page that documents AWS's refusal; empty where the rule is our own.
        by_all: of several models all have to break it, for what is blamed is theirs together.
    """

    id: str
    field: str
    with_fields: tuple[str, ...]
    refused: Refused
    allowed: str | Callable[[Settings], str]
    evidence: str = ""
    by_all: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Every setting that the rule depends on."""
        return (self.field, *self.with_fields)

    def allows(self, settings: Settings) -> str:
        """What may stand there with these settings."""
        if callable(self.allowed):
            return self.allowed(settings)
        return self.allowed.format(settings=settings)


def asked_of(part: Callable[[Settings], Part | None], question: Callable[[Part], bool]) -> Refused:
    """Put a question to a part of the settings that not all have; without it no rule is broken."""

    def refused(settings: Settings) -> bool:
        found = part(settings)
        return found is not None and question(found)

    return refused
