"""What a flow's first state refuses, run by the engine that the local platform runs it with."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.services import stepfunctions

from stacks.kit import asl, execution_input
from tests.support.flows import DEFINITIONS

A, B = "2013-01-01T00:00:00Z", "2013-04-01T00:00:00Z"
STARTED = "2026-01-01T00:00:00.000Z"
CONTEXT = {"Execution": {"StartTime": STARTED}}
BOTH = "window_start and window_end, or neither"
FLOWS = pytest.mark.parametrize("flow", ["retraining", "monitor"])


def refused(given: object, flow: str = "retraining") -> str:
    """What the flow's first state says of an input; empty if nothing is wrong."""
    state = DEFINITIONS[flow]["States"][DEFINITIONS[flow]["StartAt"]]
    output, then = stepfunctions._execute_pass(state, given, dict(CONTEXT))
    assert then == "InputChecked"
    assert output["given"] == given
    return str(output["refused"])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"as_of": "latest", "reason": "schedule"},
        {"as_of": A, "reason": "Träger geändert"},
        {"window_start": A, "window_end": B},
        {"window_start": A, "window_end": B, "as_of": B, "reason": "x" * 256},
        {"window_start": A, "window_end": "2013-01-01T00:00:00.000001Z"},
        {"as_of": "2000-02-29T23:59:59Z"},
        {"as_of": "2012-02-29T00:00:00Z"},
    ],
)
def test_a_good_input_is_taken_as_it_is(given: dict[str, str]) -> None:
    assert refused(given) == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"window_start": A}, f"window_end is missing; allowed: {BOTH}"),
        ({"window_end": B}, f"window_start is missing; allowed: {BOTH}"),
        (
            {"window_strat": A},
            f'"window_strat" is no key of the input, its value is "{A}"; allowed: ',
        ),
        ({"": [1]}, '"" is no key of the input, its value is a list; allowed: '),
        ({"window_start": B, "window_end": A}, f"allowed: a time before window_end, which is {A}"),
        ({"window_start": A, "window_end": A}, f"allowed: a time before window_end, which is {A}"),
        ({"window_start": "2013-01-01T00:00:00.5Z", "window_end": A}, "before window_end"),
        (
            {"window_start": "2099-01-01T00:00:00Z", "window_end": "2099-02-01T00:00:00Z"},
            f"allowed: a time before the start of the execution, which is {STARTED}",
        ),
        ({"window_start": 20130101, "window_end": B}, "window_start is 20130101; allowed: a UTC"),
        ({"window_start": None, "window_end": B}, "window_start is null; allowed: a UTC time"),
        ({"window_start": True, "window_end": B}, "window_start is true; allowed: a UTC time"),
        ({"window_start": "", "window_end": B}, 'window_start is ""; allowed: a UTC time'),
        ({"window_start": "yesterday", "window_end": B}, 'window_start is "yesterday"; allowed: '),
        ({"window_start": "nan", "window_end": "-inf"}, 'window_end is "-inf"; allowed: a UTC'),
        ({"window_start": A, "window_end": 10**300}, "window_end is 1e+300; allowed: a UTC time"),
        ({"window_start": A, "window_end": "9" * 5000}, f'is "{"9" * 60}"; allowed: a UTC time'),
        ({"window_days": 7}, '"window_days" is no key of the input, its value is 7; allowed: '),
        ([], "the input is a list; allowed: an object with "),
        ("latest", 'the input is "latest"; allowed: an object with '),
        (None, "the input is null; allowed: an object with "),
    ],
)
@FLOWS
def test_a_bad_input_is_refused_with_key_value_and_what_is_allowed(
    given: object, words: str, flow: str
) -> None:
    assert words in refused(given, flow)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Latest",
        "2013-01-01",
        "2013-01-01T00:00:00",
        "2013-01-01 00:00:00Z",
        "2013-01-01T00:00:00+01:00",
        "2013-01-01T24:00:00Z",
        "2013-02-29T00:00:00Z",
        "2013-04-31T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "1899-12-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2013-01-01T00:00:00.1234567Z",
        "٢٠١٣-01-01T00:00:00Z",
        f"{A}{A}",
    ],
)
def test_what_is_no_time_is_refused(value: str) -> None:
    assert refused({"as_of": value}).startswith(f'as_of is "{value[:60]}"; allowed: latest, or a ')


def test_a_line_break_is_no_end_of_a_time() -> None:
    assert refused({"as_of": f"{A}\n"}) != ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"as_of": f"{A}\u200b"}, f'as_of is "{A}%E2%80%8B"; allowed: latest, or a UTC time'),
        ({"\ufeffas_of": A}, '"%EF%BB%BFas_of" is no key of the input'),
        ({"as_of": "a\tb\nc\u00a0\u202ed"}, 'as_of is "a%09b%0Ac%C2%A0%E2%80%AEd"; allowed'),
        ({"as_of": "Träger 東京 \U0001f600"}, 'as_of is "Träger 東京 \U0001f600"; allowed'),
    ],
)
def test_what_no_one_sees_is_shown_by_its_bytes(given: dict[str, str], said: str) -> None:
    assert refused(given).startswith(said)


def test_the_retraining_alone_is_told_when_labels_are_known_and_why() -> None:
    assert "a time before as_of" in refused({"window_start": A, "window_end": B, "as_of": A})
    assert '"as_of" is no key' in refused({"as_of": "latest"}, "monitor")
    assert "reason is 1; allowed: text" in refused({"reason": 1})
    assert "at most 256 characters" in refused({"reason": "x" * 257})


def test_every_problem_is_told_within_what_a_cause_holds() -> None:
    said = refused({"window_strat": A, "as_of": 1, "reason": {}})
    assert all(part in said for part in ("window_strat", "as_of is 1", "reason is an object"))
    assert said.count("allowed") == 3
    many = {f"{index}{'k' * 90}": "v" * 90 for index in range(execution_input.MOST_KEYS)}
    assert 20 * 120 < len(refused(many)) < 32_768
    unseen = {"\u200b" + "\u3000" * 58 + f"{index:02}": "\ufeff" * 90 for index in range(20)}
    assert 20 * 120 * 9 - 20 * 20 < len(refused(unseen)) < 32_768
    assert refused(many | {"one": "more"}).startswith("the input has 21 keys; allowed: an object ")
    assert refused({str(index): 0 for index in range(20_000)}).startswith("the input has 20000")


@pytest.mark.parametrize("flow", sorted(DEFINITIONS))
def test_a_refused_input_is_told_and_fails_before_anything_is_called(flow: str) -> None:
    states: dict[str, dict[str, Any]] = DEFINITIONS[flow]["States"]
    assert DEFINITIONS[flow]["StartAt"] == execution_input.START
    checked = states["InputChecked"]
    assert checked["Default"] == execution_input.REFUSED
    assert states[execution_input.REFUSED]["Parameters"]["Error"] == "Millrace.BadInput"
    path, name = [], execution_input.REFUSED
    while "Next" in states[name]:
        path.append(name)
        name = states[name]["Next"]
    assert (path, name) == (["BadInput", "FailureNotice", "Alert"], "Failed")
    assert states["Alert"]["Resource"] == asl.PUBLISH
