"""Patterns of a contract: of one meaning for every layer, and of bounded work for any text."""

from __future__ import annotations

import re

import pytest

from config.patterns import AMBIGUOUS, EMPTY, SHARED, PatternError, check_pattern

FINE = (
    "^$", "^[A-Z]{3}$", "^[A-Z0-9]{1,10}$", r"^[0-9TZ:-]+_[A-Z0-9]{2}_[0-9]{1,4}_[A-Z]{3}$",
    "^(?:JFK|JAX|LGA)$", "^(?:|a)$", r"^-?\d+(?:\.\d+)?$", r"^[\w-]+$",
    "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", r"^[^@]+@[^@.]+(?:\.[^@.]+)+$",
    r"^[a-z.]+\.com$", "^[0-9]{1,3}[0-9]{2}$", r"^\x41\u0042$", r"^[^\r\n]{0,500}$", "^(a|ab)*$",
    r"^[a\]]\$\-$", "^a{0}b{2,}$", "^[A-Z]{1,1000}$", "^é+?$",
)  # fmt: skip
NOT_SHARED = (
    "^[A-Z]{,3}$", "^[A-Z]++$", "^[A-Z]{2}+$", "^a**$", r"^\N{LATIN CAPITAL LETTER I}AH$",
    "^(?i:a)$",
    "^(?P<code>a)$", "^(?<code>a)$", "^(?>a)$", "^(?=a)a$", "^(?!a)b$", "^(?<=a)b$", r"^(a)\1$",
    r"^\bfoo$", r"^\Aa\Z$", r"^\s+$", r"^\p{Lu}$", r"^\a$", r"^\012$", "^.{3}$", "^[[:alpha:]]$",
    "^[a[b]$", "^[a&&b]$", "^[]a]$", "^[^]$", "^a{x}$", "^a}$", "^a\n$", r"^a\$", "^a$b$",
    "^(?#x)a$", "^\U0001f600{2}$",
)  # fmt: skip
EXPLODING = (
    "^(a+)+$", "^(a*)b*a*$", "^a*a*$", "^(a|a)*$", "^(?:[A-Z0-9]+-?)+$", r"^[^@]+@[^@]+\.[^@]+$",
    "^(?:[a-z]{1,10} ?){1,5}$", "^[a-z]{0,64}[0-9a-z]{0,64}$", "^" + "(?:a|a)" * 20 + "$",
    "^(?:a|b|ab)*$",
)  # fmt: skip
NOTHING = ("^(a?)*$", "^(?:a?){30}a{30}$", "^(?:(?:a?)?)$", "^(?:|a?)$")
LARGE = ("^[A-Z]{1,1001}$", "^(?:[A-Z]{1,100}){1,100}$", "^(?:(?:a{99}){99}){99}$")


@pytest.mark.parametrize("pattern", FINE)
def test_one_meaning_and_bounded_work(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        *((pattern, AMBIGUOUS) for pattern in EXPLODING),
        *((pattern, EMPTY) for pattern in NOTHING),
        *((pattern, "at most 1000; use maxLength") for pattern in LARGE),
        ("^a|b$", "alternatives in a group"),
        ("^(?:a$", "missing"),
        ("^a)$", "unbalanced"),
        ("^[A-Z$", "unterminated"),
        ("^a{2,1}$", "min repeat greater than max"),
        ("[A-Z]{2}", "between ^ and $"),
        ("^" + "(" * 5000 + ")" * 5000 + "$", "allowed: "),
    ],
)  # fmt: skip
def test_a_pattern_is_refused_for_what_it_is(pattern: str, allowed: str) -> None:
    with pytest.raises(PatternError) as refused:
        check_pattern(pattern)
    assert allowed in str(refused.value)


@pytest.mark.parametrize("pattern", NOT_SHARED)
def test_what_layers_read_differently_is_refused(pattern: str) -> None:
    """Python itself refuses some of it, and less with each version."""
    with pytest.raises(PatternError, match=f"{re.escape(SHARED)}|a regular expression; "):
        check_pattern(pattern)
