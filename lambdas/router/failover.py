"""Which variants a request asks, in which order, and for how long.

A call by weight that times out does not say which variant hung, and to look up weights the router
would need another permission. So it asks by weight, learns from who answers afterwards, and leaves
out a variant that hung until it may have recovered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

BY_WEIGHT = ""
CONNECT_SECONDS = 2
# A call after which another variant can be asked; alarms ring at a fraction of it.
BRISK_SECONDS = 4
# The last call. By weight, by name, and this one: with connecting 24 of API Gateway's 29 seconds.
PATIENT_SECONDS = 10
AVOIDED_SECONDS = 30.0


class Failover:
    """The endpoint's production variants, and those that hung, as this container saw it."""

    def __init__(
        self, variants: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._variants = tuple(variants)
        self._clock = clock
        self._hung: dict[str, float] = {}

    def plan(self) -> list[str]:
        """By weight, then by name; by name alone while a variant is known to hang."""
        since = self._clock() - AVOIDED_SECONDS
        avoided = [v for v in self._variants if self._hung.get(v, since) > since]
        if avoided and len(avoided) < len(self._variants):
            return self._least_suspect()
        return [BY_WEIGHT, *self._variants]

    def rest(self, asked: str, plan: Sequence[str]) -> list[str]:
        """Whom to ask if the variant hangs that is asked first of the plan: never the same one."""
        if asked == BY_WEIGHT:
            return self._least_suspect() if len(self._variants) > 1 else []
        return [variant for variant in plan if variant != asked]

    def learn(self, answered: str, hung: Iterable[str]) -> None:
        """Who answered, and which calls before hung: the variant, or by weight any of the rest."""
        named = [variant for variant in hung if variant != BY_WEIGHT]
        suspects = named or [v for v in self._variants if v != answered and hung]
        self._hung |= dict.fromkeys(suspects, self._clock())
        self._hung.pop(answered, None)

    def _least_suspect(self) -> list[str]:
        """Without a suspicion the champion is the last: most requests, so most hangs, are its."""
        never = float("-inf")
        backwards = self._variants[::-1]
        return sorted(backwards, key=lambda v: self._hung.get(v, never))
