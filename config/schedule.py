"""Check AWS schedule expressions without calling AWS.

A schedule that does not parse fails a deploy after everything before it has been created, so the
grammar of EventBridge Scheduler (which Glue triggers share for ``cron``) is checked at synth.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange

from config.rule import AWS

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Applied as full matches: $ would let a line break pass.
_RATE = re.compile(r"rate\(([0-9]{1,9}) (minute|hour|day)(s?)\)", re.ASCII)
_CRON = re.compile(r"cron\(([!-'*-~ ]*)\)", re.ASCII)
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
_LONGEST = 256
_UNIT_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_YEAR_MINUTES = 366 * 1440
# name, lowest, highest, names counted from the lowest, further forms
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...], str], ...] = (
    ("minutes", 0, 59, (), ""),
    ("hours", 0, 23, (), ""),
    ("day of month", 1, 31, (), r"L|(?:[1-9]|[12]\d|3[01])W|LW"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of week", 1, 7, _DAYS, rf"L|(?:[1-7]|{'|'.join(_DAYS)})(?:L|#[1-5])"),
    ("year", 1970, 2199, (), ""),
)
_DAY_OF_MONTH, _MONTH, _DAY_OF_WEEK = 2, 3, 4
SCHEDULES = (
    "allowed: null; rate(n unit), such as rate(1 day) or rate(2 hours); or cron(minute hour "
    "day-of-month month day-of-week year) with ? for exactly one of the days, weekdays being "
    "1-7 (from Sunday) or SUN-SAT"
)
SCHEDULE_PAGE = f"{AWS}scheduler/latest/UserGuide/schedule-types.html"


def is_bad_schedule(expression: str | None) -> bool:
    """Whether a setting holds what AWS would refuse; None is no schedule."""
    return expression is not None and schedule_error(expression) is not None


def schedule_error(expression: str) -> str | None:
    """Why AWS would refuse ``expression``, or None if it parses."""
    rate = _RATE.fullmatch(expression)
    if rate:
        return _rate_error(int(rate[1]), plural=bool(rate[3]))
    cron = _CRON.fullmatch(expression)
    if cron is None or len(expression) > _LONGEST:
        return "allowed: cron(minutes hours day-of-month month day-of-week year) or rate(n unit)"
    parts = cron[1].split()
    if len(parts) != len(_FIELDS):
        return f"cron has {len(parts)} fields; allowed: {len(_FIELDS)}, the last is the year"
    for index, part in enumerate(parts):
        error = _field_error(index, part)
        if error:
            return error
    if (parts[_DAY_OF_MONTH] == "?") == (parts[_DAY_OF_WEEK] == "?"):
        return "allowed: '?' in exactly one of day of month and day of week"
    return None


def runs_per_year(expression: str) -> int:
    """How often a valid schedule falls due in a leap year, rounded up.

    Days that depend on the month's shape (``L``, ``15W``, ``MON#2``) count once a month.
    """
    rate = _RATE.fullmatch(expression)
    if rate:
        return math.ceil(_YEAR_MINUTES / (int(rate[1]) * _UNIT_MINUTES[rate[2]]))
    parts = expression[len("cron(") : -1].split()
    minutes, hours = (len(_named(index, parts[index])) for index in (0, 1))
    return minutes * hours * _days_of_a_year(parts)


def _days_of_a_year(parts: list[str]) -> int:
    """On how many days of a leap year a cron falls due."""
    months = [int(month) for month in _named(_MONTH, parts[_MONTH])]
    if parts[_DAY_OF_WEEK] == "?":
        wanted = _named(_DAY_OF_MONTH, parts[_DAY_OF_MONTH])
        return sum(
            isinstance(day, str) or day <= monthrange(2024, month)[1]
            for month in months
            for day in wanted
        )
    weekdays = _named(_DAY_OF_WEEK, parts[_DAY_OF_WEEK])
    once_a_month = sum(isinstance(day, str) for day in weekdays)
    days = sum(monthrange(2024, month)[1] for month in months)
    return once_a_month * len(months) + math.ceil(days * (len(weekdays) - once_a_month) / 7)


def _named(index: int, text: str) -> set[int | str]:
    """The values of its range that a field names, and forms such as ``L`` as they stand."""
    _, low, high, names, more = _FIELDS[index]
    found: set[int | str] = set()
    for item in text.split(","):
        body, _, step = item.partition("/")
        if more and re.fullmatch(more, item):
            found.add(item)
            continue
        first, _, last = body.partition("-")
        start = low if body in ("*", "?") else _number(first, low, names) or low
        one = not last and not step and body not in ("*", "?")
        end = start if one else (_number(last, low, names) or high if last else high)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _rate_error(value: int, *, plural: bool) -> str | None:
    if value < 1:
        return "allowed: a rate of 1 or more"
    if plural == (value == 1):
        return "allowed: a singular unit for 1, a plural unit otherwise"
    return None


def _field_error(index: int, text: str) -> str | None:
    name, low, high, names, more = _FIELDS[index]
    if text == "?":
        allowed = index in (_DAY_OF_MONTH, _DAY_OF_WEEK)
        return None if allowed else f"{name}: '?' is allowed in the two day fields only"
    for item in text.split(","):
        if more and re.fullmatch(more, item):
            continue
        if not _item_is_valid(item, low, high, names):
            return f"{name}: {item!r}; allowed: {low}-{high}, *, lists, ranges and /steps"
    return None


def _item_is_valid(item: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    body, slash, step = item.partition("/")
    if slash and not (step.isdigit() and int(step) >= 1):
        return False
    if body == "*":
        return True
    bounds = [_number(bound, low, names) for bound in body.split("-")]
    if len(bounds) > 2 or any(bound is None for bound in bounds):
        return False
    numbers = [bound for bound in bounds if bound is not None]
    return all(low <= number <= high for number in numbers) and numbers == sorted(numbers)


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.upper() in names:
        return low + names.index(text.upper())
    return int(text) if text.isdigit() else None
