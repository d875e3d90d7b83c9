"""Combinations of the API's settings that are refused."""

from __future__ import annotations

import math

from config.rule import AWS, Rule
from config.settings import Settings

_RATE_RULE = f"{AWS}waf/latest/developerguide/waf-rule-statement-type-rate-based.html"

RATE_WINDOW_SECONDS = 300

ONE_ADDRESS_SHARE = 0.5
"""What of the stage's rate callers behind one address must get, before WAF blocks all of them."""


def address_needs(settings: Settings) -> int:
    """Least requests in five minutes that WAF has to let one address make."""
    return math.ceil(settings.api.requests_per_second * RATE_WINDOW_SECONDS * ONE_ADDRESS_SHARE)


RULES: tuple[Rule, ...] = (
    Rule("burst-covers-rate", "api.burst", ("api.requests_per_second",),
         lambda s: s.api.burst < s.api.requests_per_second,
         "allowed: at least api.requests_per_second, {settings.api.requests_per_second}, or the "
         "rate is never reached"),
    Rule("address-gets-its-share", "api.requests_per_five_minutes_per_address",
         ("api.requests_per_second",),
         lambda s: s.api.requests_per_five_minutes_per_address < address_needs(s),
         f"allowed: at least {ONE_ADDRESS_SHARE:g} * {RATE_WINDOW_SECONDS} * "
         "api.requests_per_second ({settings.api.requests_per_second}), or WAF answers 403 to "
         "callers behind one address while the stage would still serve them", _RATE_RULE),
)  # fmt: skip
