"""Job arguments: what ``getResolvedOptions`` does, without Glue's own library.

Glue starts a script with arguments of its own (``--JOB_NAME``, ``--enable-metrics``, some with a
value, some without), so unknown ones are ignored. ``awsglue`` exists in Glue's image only.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import nan

from core.checks import shown
from core.moments import moment


def parse(
    arguments: Sequence[str], required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, str]:
    """Values by name. An empty value counts as absent.

    Raises:
        SystemExit: a required argument is absent; the message names all of them.
    """
    known = [f"--{name}" for name in (*required, *optional)]
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in known:
        parser.add_argument(name, default="")
    found, _ = parser.parse_known_args(list(_joined(arguments, known)))
    values = {name: value for name, value in vars(found).items() if value}
    absent = [f"--{name}" for name in required if name not in values]
    if absent:
        raise SystemExit(f"arguments are missing: {', '.join(absent)}")
    return values


def _joined(arguments: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Names with their values in one word: else a value that begins with - is taken for a name."""
    rest = iter(arguments)
    return [f"{one}={next(rest, '')}" if one in known else one for one in rest]


def time(values: Mapping[str, str], name: str, *, besides: str = "") -> datetime | None:
    """An argument that is a time; None if it is absent or the word that is allowed ``besides``.

    Raises:
        SystemExit: it is no time.
    """
    if name not in values or (besides and values[name] == besides):
        return None
    try:
        return moment(values[name])
    except ValueError as error:
        allowed = f"{besides}, or {error}" if besides else str(error)
        raise refused(values, name, allowed) from None


def number(
    values: Mapping[str, str], name: str, allowed: str, good: Callable[[float], bool]
) -> float:
    """An argument that is a number and ``good``, which ``allowed`` tells in words.

    Raises:
        SystemExit: it is not.
    """
    try:
        found = float(values[name])
    except ValueError:
        found = nan
    if not good(found):
        raise refused(values, name, allowed)
    return found


def refused(values: Mapping[str, str], name: str, allowed: str) -> SystemExit:
    """What ends a job for the value of an argument."""
    return SystemExit(f"--{name} is {shown(values[name])}; allowed: {allowed}")
