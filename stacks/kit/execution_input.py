"""The first states of a flow: the execution's input, checked before anything is done with it.

A misspelt key would be ignored, and a wrong time would fail after minutes of jobs. What is refused
ends the execution as failed with the error ``Millrace.BadInput``, whose cause names each key, its
value and what is allowed.

JSONata in this one state: JSONPath sees no key that it does not name. Only that is used on which
the reference (2.0.6) and its ports agree: patterns for times, since their calendars differ, and no
``$`` in a pattern, which matches before a last line break in some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stacks.kit import asl
from stacks.kit.asl import States

ERROR = "Millrace.BadInput"
START = "Input"
REFUSED = "BadInput"
LONGEST_TEXT = 256
SHOWN_CHARACTERS = 60
# A Fail state's cause has at most 32,768 characters and an expression a second, while the input may
# hold 262,144 bytes of keys.
MOST_KEYS = 20
AS_OF = "as_of"
WINDOW = ("window_start", "window_end")

_YEAR = "(19|20|21)[0-9]{2}"
_LEAP_YEAR = "((19|20|21)(0[48]|[2468][048]|[13579][26])|2000)"
_DAY = (
    f"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = rf"/{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?Z/"
# What no one sees in a message: controls, spaces that are none, marks of width and direction.
_UNSEEN = (
    r"[\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u3000\ufeff]"
)
_TIME_WORDS = "a UTC time of the years 1900 to 2199 such as 2013-01-01T10:15:00Z"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a key allows: a condition on ``$v`` in JSONata, and the same in words."""

    condition: str
    words: str


TIME = Kind("$time($v)", _TIME_WORDS)
TIME_OR_LATEST = Kind("$v = 'latest' or $time($v)", f"latest, or {_TIME_WORDS}")
TEXT = Kind(
    f"$type($v) = 'string' ? $length($v) <= {LONGEST_TEXT} : false",
    f"text of at most {LONGEST_TEXT} characters",
)


def states(kinds: Mapping[str, Kind], *, then: str, told_by: str) -> States:
    """Check the input; it is at ``$.given`` afterwards.

    Args:
        kinds: every key that the input may have. Each may be left out, the window's ends only
            together.
        then: the state that follows a good input.
        told_by: the state that tells of ``$.failure``.
    """
    return {
        START: {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": {
                "given": "{% $states.input %}",
                "refused": f"{{% {_refusals(kinds)} %}}",
            },
            "Next": "InputChecked",
        },
        "InputChecked": asl.choice(
            [asl.when("$.refused", StringEquals="", then=then)], default=REFUSED
        ),
        REFUSED: asl.shape(
            {"Error": ERROR, "Cause.$": "$.refused"}, result_path=asl.FAILURE_PATH, then=told_by
        ),
    }


def _refusals(kinds: Mapping[str, Kind]) -> str:
    """JSONata: every problem of the input in words, or an empty text."""
    problems = [_unknown(kinds), *map(_wrong, kinds, kinds.values()), *_halves(), *_order()]
    allowed = f"an object with {', '.join(kinds)}"
    return (
        "($given := $states.input; "
        f"$short := function($text) {{ $replace($substring($text, 0, {SHOWN_CHARACTERS}), "
        f"/{_UNSEEN}/, function($m) {{ $encodeUrlComponent($m.match) }}) }}; "
        "$shown := function($v) { $type($v) = 'object' ? 'an object' : $type($v) = 'array' "
        "? 'a list' : $type($v) = 'string' ? '\"' & $short($v) & '\"' : $string($v) }; "
        "$time := function($v) "
        f"{{ $type($v) = 'string' ? $match($v, {_TIME}).match = $v : false }}; "
        # Without its Z a time sorts as text: one with a fraction comes after the one without.
        "$sorted := function($v) { $substringBefore($v, 'Z') }; "
        f"$type($given) != 'object' ? 'the input is ' & $shown($given) & '; allowed: {allowed}' : "
        f"$count($keys($given)) > {MOST_KEYS} ? 'the input has ' & $count($keys($given)) & "
        f"' keys; allowed: {allowed}' : "
        f"$join([{', '.join(problems)}], '; '))"
    )


def _unknown(kinds: Mapping[str, Kind]) -> str:
    names = ", ".join(f"'{name}'" for name in kinds)
    return (
        f"$map($filter($keys($given), function($k) {{ $not($k in [{names}]) }}), function($k) {{ "
        "$shown($k) & ' is no key of the input, its value is ' & $shown($lookup($given, $k)) "
        f"& '; allowed: {', '.join(kinds)}' }})"
    )


def _wrong(name: str, kind: Kind) -> str:
    return (
        f"($v := $given.{name}; $exists($v) ? $not({kind.condition}) ? "
        f"'{name} is ' & $shown($v) & '; allowed: {kind.words}')"
    )


def _halves() -> list[str]:
    """A window has both ends or none."""
    return [
        f"$exists($given.{given}) and $not($exists($given.{missing})) ? "
        f"'{missing} is missing; allowed: {' and '.join(WINDOW)}, or neither'"
        for given, missing in (WINDOW, WINDOW[::-1])
    ]


def _order() -> list[str]:
    """A window begins before it ends, and before the time up to which anything is known."""
    start, end = WINDOW
    now = "$states.context.Execution.StartTime"
    return [
        _before(start, end, f"$given.{end}"),
        _before(start, AS_OF, f"$given.{AS_OF}"),
        _before(start, "the start of the execution", now),
    ]


def _before(start: str, words: str, later: str) -> str:
    return (
        f"($v := $given.{start}; $later := {later}; ($time($v) ? $time($later) : false) ? "
        f"$sorted($v) >= $sorted($later) ? '{start} is ' & $shown($v) & "
        f"'; allowed: a time before {words}, which is ' & $later)"
    )
