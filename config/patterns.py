"""Regular expressions that every layer reads alike, and that no text makes slow.

API Gateway applies a pattern as ECMA does, the validator as Python does, and both go back and try
another way when one fails. So a pattern is made of what the two share, and at no point of any text
may it be in more than a few places at once: then the work grows with the text and not with the
ways to read it.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce

SHARED = (
    "allowed: ^ and $ around what ECMA and Python share: characters, \\d, \\D, \\w, \\W, "
    "[classes], [^\\r\\n] for any, (groups), (?:groups), | in groups, ?, *, +, {n}, {n,} and {n,m}"
)
AMBIGUOUS = (
    "allowed: a pattern of which few parts can match the same text: with repetitions that can take "
    "each other's characters, as in (a+)+ or a*a*, the time grows with all ways to share them"
)
EMPTY = "allowed: something in what is repeated or chosen, (a?)* and (|a?) have ways to be nothing"
_MOST_PLACES, _MOST_WAYS, _MOST_STATES = 1000, 64, 3000
_UNBOUNDED = "allowed: counts of which the product is at most {most}; use maxLength for long text"

_ESCAPE = r"\\(?:[dDwW]|[tnrf]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[!-/:-@\[-`{-~])"
# ECMA counts a character beyond the basic plane as two.
_IN_CLASS = rf"(?:{_ESCAPE}|(?!&&|\|\||~~|--)[^\[\]\\\n\U00010000-\U0010ffff])"
_TOKEN = re.compile(
    rf"(?P<atom>{_ESCAPE}|\[\^?{_IN_CLASS}+\]|[^\\\[\](){{}}*+?|^$.\n\U00010000-\U0010ffff])"
    r"|(?P<times>(?:[*+?]|\{[0-9]{1,4}(?:,(?:[0-9]{1,4})?)?\})\??)"
    r"|(?P<open>\((?:\?:)?(?!\?))|(?P<close>\))|(?P<either>\|)",
    re.ASCII,
)


class PatternError(ValueError):
    """What may stand there instead."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part as the positions of its atoms (Glushkov): where it starts, ends, and what follows."""

    empty: bool = True
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Automaton:
    """Atom by position, and in how many ways each position may come next."""

    atoms: list[str] = field(default_factory=list)
    next: list[Counter[int]] = field(default_factory=list)

    def place(self, atom: str) -> _Part:
        if len(self.atoms) >= _MOST_PLACES:
            raise PatternError(_UNBOUNDED.format(most=_MOST_PLACES))
        self.atoms.append(atom)
        self.next.append(Counter())
        here = frozenset({len(self.atoms) - 1})
        return _Part(False, here, here)

    def after(self, left: _Part, right: _Part) -> _Part:
        for position in left.last:
            self.next[position].update(right.first)
        return _Part(
            left.empty and right.empty,
            left.first | right.first if left.empty else left.first,
            right.last | left.last if right.empty else right.last,
        )

    def either(self, left: _Part, right: _Part) -> _Part:
        if left.empty and right.empty:
            raise PatternError(EMPTY)
        return _Part(left.empty or right.empty, left.first | right.first, left.last | right.last)


# Syntax: an atom, a sequence, alternatives, or a repetition (least, most; None: without end).
_Tree = tuple[str, "list[_Tree] | str | tuple[_Tree, int, int | None]"]


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that layers read differently or that some text makes slow.

    Raises:
        PatternError: with what is allowed.
    """
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise PatternError("allowed: a regular expression between ^ and $")
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"allowed: a regular expression; {error}") from None
    tokens = list(_tokens(pattern[1:-1]))
    automaton = _Automaton()
    whole = _built(_alternatives(tokens, outer=True), automaton)
    _check_ways(automaton, whole)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, before = 0, None
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise PatternError(f"{SHARED}; not {text[at : at + 4]!r}")
        if found.lastgroup == before == "times":
            raise PatternError(f"{SHARED}; not {text[at - 1 : at + 3]!r}")
        yield found.lastgroup, found[0]
        at, before = found.end(), found.lastgroup


def _alternatives(tokens: list[tuple[str, str]], *, outer: bool = False) -> _Tree:
    """Read up to the end of the group; Python has found the parentheses to match."""
    sequences: list[_Tree] = []
    items: list[_Tree] = []
    while tokens:
        kind, text = tokens.pop(0)
        if kind == "close":
            break
        if kind == "either":
            if outer:
                raise PatternError("allowed: alternatives in a group, ^(?:a|b)$, or ^a|b$ is open")
            sequences.append(("sequence", items))
            items = []
        elif kind == "times":
            items.append(("times", (items.pop(), *_counts(text))))
        else:
            items.append(_alternatives(tokens) if kind == "open" else ("atom", text))
    return "either", [*sequences, ("sequence", items)]


def _counts(text: str) -> tuple[int, int | None]:
    signs = {"?": (0, 1), "*": (0, None), "+": (1, None)}
    if text[0] in signs:
        return signs[text[0]]
    least, comma, most = text.rstrip("?")[1:-1].partition(",")
    return int(least), (int(most) if most else None) if comma else int(least)


def _built(tree: _Tree, automaton: _Automaton) -> _Part:
    kind, content = tree
    if kind == "atom":
        return automaton.place(str(content))
    if kind == "times":
        return _repeated(automaton, *content)
    parts = [_built(part, automaton) for part in content]  # type: ignore[arg-type]
    if kind == "either":
        return reduce(automaton.either, parts)
    return reduce(automaton.after, parts, _Part())


def _repeated(automaton: _Automaton, tree: _Tree, least: int, most: int | None) -> _Part:
    """``a{2,4}`` is ``aa(a(a)?)?``: a copy each, of which the last may go on without end."""
    copies = max(least, 1) if most is None else most
    first = last = frozenset[int]()
    previous: _Part | None = None
    for index in range(copies):
        part = _built(tree, automaton)
        if part.empty:
            raise PatternError(EMPTY)
        if previous is None:
            first = part.first
        else:
            automaton.after(previous, part)
        last = part.last | (last if index >= least else frozenset())
        previous = part
    if most is None and previous is not None:
        automaton.after(previous, previous)
    return _Part(least == 0 or copies == 0, first, last)


def _check_ways(automaton: _Automaton, whole: _Part) -> None:
    """Follow all texts at once: how many ways lead to each position, whatever was read."""
    alphabet = _alphabet(automaton.atoms)
    start = tuple((position, 1) for position in sorted(whole.first))
    seen, waiting = {start}, [start]
    while waiting:
        expected = waiting.pop()
        for matching in alphabet:
            ways: dict[int, int] = {}
            for position, count in expected:
                if position in matching:
                    for following, more in automaton.next[position].items():
                        ways[following] = ways.get(following, 0) + count * more
            state = tuple(sorted(ways.items()))
            if state in seen:
                continue
            seen.add(state)
            waiting.append(state)
            if sum(ways.values()) > _MOST_WAYS or len(seen) > _MOST_STATES:
                raise PatternError(AMBIGUOUS)


def _alphabet(atoms: list[str]) -> set[frozenset[int]]:
    """Characters that no atom tells apart are one: the positions that each kind matches."""
    mentioned = {ord(character) for atom in atoms for character in atom}
    escaped = {
        int(code, 16)
        for atom in atoms
        for code in re.findall(r"\\(?:x(..)|u(....))", atom)
        for code in code
        if code
    }
    edges = mentioned | escaped | {ord(character) for character in "09AZ_az\t\n\r\f"}
    characters = {chr(max(edge + step, 0)) for edge in edges for step in (-1, 0, 1)}
    expressions = {atom: re.compile(atom, re.ASCII) for atom in set(atoms)}
    kinds = {
        character: {atom for atom, form in expressions.items() if form.fullmatch(character)}
        for character in characters
    }
    return {
        frozenset(position for position, atom in enumerate(atoms) if atom in matched)
        for matched in kinds.values()
    }
