"""Settings of the deployment as a whole that are refused."""

from __future__ import annotations

import re

from bundles.contents import FUNCTIONS
from config.rule import Rule

_RESERVED = "https://www.rfc-editor.org/rfc/rfc2606"

_EXAMPLE = re.compile(r"[@.](example\.(com|net|org)|example|invalid|test|localhost)$", re.I)


def is_example(email: str) -> bool:
    """Whether the address is at a domain that no mail server ever has."""
    return _EXAMPLE.search(email) is not None


RULES: tuple[Rule, ...] = (
    Rule("owner-is-somebody", "owner.email", ("account",),
         lambda s: s.account is not None and is_example(s.owner.email),
         "allowed with account {settings.account}: an address that somebody reads, every alarm "
         "goes there; mail to names that are kept for examples is lost", _RESERVED),
    Rule("reserved-function-names", "reserved_concurrency", (),
         lambda s: bool(set(s.reserved_concurrency) - set(FUNCTIONS)),
         "allowed keys: " + ", ".join(FUNCTIONS)),
)  # fmt: skip
