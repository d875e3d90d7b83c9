"""One cross-field rule of the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config.settings import Settings

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
    """

    id: str
    field: str
    with_fields: tuple[str, ...]
    refused: Callable[[Settings], bool]
    allowed: str | Callable[[Settings], str]
    evidence: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Every setting that the rule depends on."""
        return (self.field, *self.with_fields)

    def allows(self, settings: Settings) -> str:
        """What may stand there with these settings."""
        if callable(self.allowed):
            return self.allowed(settings)
        return self.allowed.format(settings=settings)
