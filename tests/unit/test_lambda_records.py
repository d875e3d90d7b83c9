"""Validation, identity and pseudonyms: examples for every code, and properties."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contract import compile_contract, read_contract
from core.arrivals import arrival, known_by
from core.checks import portable_pattern
from core.contract import ContractError, parse, record_of
from core.records import (
    Invalid,
    Valid,
    compiled,
    identifier,
    pseudonym,
    pseudonymiser,
    validate,
)
from tests.support.records import ARRIVAL, DEPARTURE, FLIGHTS, KEY

CONTRACT: dict[str, Any] = dict(compile_contract(read_contract(FLIGHTS)))
EVENT, LABEL = CONTRACT["event"], CONTRACT["label"]
PSEUDONYMISE = pseudonymiser(KEY)


def _check(changes: dict[str, Any], base: dict[str, Any] = DEPARTURE) -> Valid | Invalid:
    return validate(json.dumps(base | changes).encode(), EVENT, PSEUDONYMISE)


def test_a_departure_is_stored_with_plain_times_floats_and_a_pseudonym() -> None:
    outcome = _check({"wind_direction_degrees": 260, "wind_gust_mph": None})
    assert isinstance(outcome, Valid)
    assert outcome.values["event_time"] == "2013-01-01 10:15:00"
    assert outcome.values["tail_number"] == pseudonym("N14228", KEY)
    assert type(outcome.values["wind_direction_degrees"]) is float
    assert "wind_gust_mph" not in outcome.values
    assert list(outcome.values) == list(DEPARTURE)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"carrier": None}, "missing", "carrier"),
        ({"distance_miles": True}, "wrong_type", "distance_miles"),
        ({"distance_miles": "1400"}, "wrong_type", "distance_miles"),
        ({"distance_miles": 1400.5}, "wrong_type", "distance_miles"),
        ({"distance_miles": 1e30}, "out_of_range", "distance_miles"),
        ({"distance_miles": 10**30}, "out_of_range", "distance_miles"),
        ({"temperature_f": "39"}, "wrong_type", "temperature_f"),
        ({"temperature_f": False}, "wrong_type", "temperature_f"),
        ({"temperature_f": [39]}, "wrong_type", "temperature_f"),
        ({"wind_speed_mph": 1048.4}, "out_of_range", "wind_speed_mph"),
        ({"temperature_f": math.nan}, "not_json", "temperature_f"),
        ({"temperature_f": math.inf}, "not_json", "temperature_f"),
        ({"origin": "BOS"}, "not_allowed", "origin"),
        ({"origin": "BOSTON"}, "too_long", "origin"),
        ({"destination": "iah"}, "pattern", "destination"),
        ({"carrier": "U\n"}, "pattern", "carrier"),
        ({"carrier": "\ud800"}, "wrong_type", "carrier"),
        ({"carrier": {"code": "UA"}}, "wrong_type", "carrier"),
        ({"flight_id": "short"}, "out_of_range", "flight_id"),
        ({"event_time": "2013-01-01 10:15:00"}, "wrong_type", "event_time"),
        ({"event_time": "2013-02-30T10:15:00Z"}, "wrong_type", "event_time"),
        # Python 3.14, which Lambda runs, would read it as the next midnight; Spark reads nothing.
        ({"event_time": "2013-01-01T24:00:00Z"}, "wrong_type", "event_time"),
        ({"event_time": "2013-01-01T10:15:00+01:00"}, "wrong_type", "event_time"),
        ({"event_time": 1357035300}, "wrong_type", "event_time"),
        ({"event_time": "1999-12-31T23:59:59Z"}, "too_early", "event_time"),
        ({"event_time": "2100-01-01T00:00:00Z"}, "too_late", "event_time"),
        # What Spark or pandas would take for another time.
        ({"weather_observed_at": "0001-01-01T00:00:00Z"}, "too_early", "weather_observed_at"),
        ({"weather_observed_at": "1899-12-31T23:59:59Z"}, "too_early", "weather_observed_at"),
        ({"weather_observed_at": "2262-01-01T00:00:00Z"}, "too_late", "weather_observed_at"),
        ({"weather_observed_at": "9999-12-31T23:59:59Z"}, "too_late", "weather_observed_at"),
        ({"weather_observed_at": "2013-01-01T10:15:01Z"}, "after_event_time", None),
        ({"weather_observed_at": None}, "missing", "weather_observed_at"),
        ({"departure_delay": 4}, "unknown_field", "departure_delay"),
        ({"N14228 was here": 4}, "unknown_field", None),
    ],
)
def test_a_broken_value_is_refused_with_code_field_and_what_is_allowed(
    changes: dict[str, Any], code: str, field: str | None
) -> None:
    outcome = _check(changes)
    assert isinstance(outcome, Invalid)
    expected = "weather_observed_at" if code == "after_event_time" else field
    assert (outcome.code, outcome.field) == (code, expected)
    if code in ("out_of_range", "not_allowed", "pattern", "too_early", "too_late"):
        assert "allowed: " in outcome.message


ANY_TIME = "a UTC time from 1900-01-01T00:00:00Z to 2261-12-31T23:59:59Z"
ITS_TIME = "a UTC time from 2024-01-01T00:00:00Z to 2026-12-31T00:00:00Z"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event_time": "2013-01-01T10:15:00Z"},
         f'event_time is "2013-01-01T10:15:00Z"; allowed: {ITS_TIME}'),
        ({"event_time": "2026-12-31T00:00:01Z"},
         f'event_time is "2026-12-31T00:00:01Z"; allowed: {ITS_TIME}'),
        ({"event_time": "soon"}, f'event_time is "soon"; allowed: {ITS_TIME}'),
        ({"weather_observed_at": "1899-12-31T23:59:59Z"},
         f'weather_observed_at is "1899-12-31T23:59:59Z"; allowed: {ANY_TIME}'),
        ({"weather_observed_at": "2025-01-01T10:15:01Z"},
         'weather_observed_at is "2025-01-01T10:15:01Z"; '
         "allowed: a UTC time not after event_time"),
    ],
)  # fmt: skip
def test_what_a_time_may_be_is_one_sentence(changes: dict[str, Any], said: str) -> None:
    bounds = {"earliest": "2024-01-01T00:00:00Z", "latest": "2026-12-31T00:00:00Z"}
    good = DEPARTURE | {"event_time": "2025-01-01T10:15:00Z"}
    outcome = validate(json.dumps(good | changes).encode(), EVENT | bounds, PSEUDONYMISE)
    assert isinstance(outcome, Invalid)
    assert outcome.message == said


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe{", "not_json"),
        (b"\xef\xbb\xbf" * 2 + b"{}", "not_json"),
        (b" \xef\xbb\xbf{}", "not_json"),
        (b"\xef\xbb\xbf", "not_json"),
        ("{}".encode("utf-16"), "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 100_000, "not_json"),
        (b"9" * 5000, "not_json"),
        (b"NaN", "not_json"),
        (b'{"carrier": "UA", "carrier": "B6"}', "not_json"),
        (b"[]", "not_object"),
        (b'"text"', "not_object"),
        (b"null", "not_object"),
        (b"{}", "missing"),
    ],
)
def test_bytes_that_are_no_record_get_a_code(raw: bytes, code: str) -> None:
    outcome = validate(raw, EVENT, PSEUDONYMISE)
    assert isinstance(outcome, Invalid)
    assert outcome.code == code


def test_a_number_too_large_for_a_double_is_out_of_range() -> None:
    raw = json.dumps(DEPARTURE).replace("39.02", "1e999").encode()
    outcome = validate(raw, EVENT, PSEUDONYMISE)
    assert isinstance(outcome, Invalid)
    assert (outcome.code, outcome.field) in {
        ("out_of_range", "temperature_f"),
        ("not_json", "temperature_f"),
    }


@pytest.mark.parametrize("text", ["90", "90.0", "9e1", "0.9e2", "90.000"])
def test_an_integer_may_be_spelled_as_a_number(text: str) -> None:
    raw = json.dumps(DEPARTURE).replace('"distance_miles": 1400', f'"distance_miles": {text}')
    outcome = validate(raw.encode(), EVENT, PSEUDONYMISE)
    assert isinstance(outcome, Valid)
    assert outcome.values["distance_miles"] == 90
    assert type(outcome.values["distance_miles"]) is int


def _with_field(name: str, **limits: Any) -> dict[str, Any]:
    record = copy.deepcopy(EVENT)
    record["fields"].append(
        {"name": name, "required": False, "classification": "public", "description": "", **limits}
    )
    return record


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("9223372036854775807", None),
        ("-9223372036854775808", None),
        ("9007199254740991.0", None),
        ("9223372036854775808", "out_of_range"),
        ("-9223372036854775809", "out_of_range"),
        # The next integer reads as the same double: which one was meant is not known.
        ("9007199254740992.0", "wrong_type"),
        ("9007199254740993.0", "wrong_type"),
        ("1e18", "wrong_type"),
        ("1e19", "out_of_range"),
        ("1e400", "wrong_type"),
    ],
)
def test_an_integer_is_one_that_a_bigint_holds_and_that_was_surely_meant(
    text: str, code: str | None
) -> None:
    record = _with_field("count", type="integer", glue_type="bigint")
    raw = json.dumps(DEPARTURE)[:-1] + f', "count": {text}}}'
    outcome = validate(raw.encode(), record, PSEUDONYMISE)
    assert (outcome.code if isinstance(outcome, Invalid) else None) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [(3.4028234663852886e38, None), (-3.4e38, None), (3.41e38, "out_of_range"),
     (-1e39, "out_of_range"), (10**39, "out_of_range"), (1e-300, None)],
)  # fmt: skip
def test_a_number_is_one_that_a_model_can_hold(value: float, code: str | None) -> None:
    record = _with_field("ratio", type="number", glue_type="double")
    raw = json.dumps(DEPARTURE | {"ratio": value}).encode()
    outcome = validate(raw, record, PSEUDONYMISE)
    assert (outcome.code if isinstance(outcome, Invalid) else None) == code
    if isinstance(outcome, Invalid):
        assert "3.4028234663852886e+38" in outcome.message


ARRIVED = 1_357_041_600_000
"""2013-01-01T12:00:00Z in milliseconds."""


@pytest.mark.parametrize(
    ("label_time", "code"),
    [("2013-01-01T12:05:00Z", None), ("2013-01-01T12:05:01Z", "after_arrival"),
     ("2014-01-01T00:00:00Z", "after_arrival"), ("2013-01-01T00:00:00Z", None)],
)  # fmt: skip
def test_a_label_is_not_from_the_future(label_time: str, code: str | None) -> None:
    raw = json.dumps(ARRIVAL | {"label_time": label_time}).encode()
    outcome = validate(raw, LABEL, PSEUDONYMISE, ARRIVED)
    assert (outcome.code if isinstance(outcome, Invalid) else None) == code
    if isinstance(outcome, Invalid):
        assert outcome.field == "label_time"
        allowed = "a UTC time at most 5 minutes after the record arrived"
        assert outcome.message == f'label_time is "{label_time}"; allowed: {allowed}'


def test_an_event_may_lie_ahead() -> None:
    raw = json.dumps(DEPARTURE | {"event_time": "2013-06-01T10:15:00Z"}).encode()
    assert isinstance(validate(raw, EVENT, PSEUDONYMISE, ARRIVED), Valid)


@given(st.integers(1, 10**30))
def test_any_stamp_gives_a_time(stamp: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", known_by(arrival(stamp)))


@pytest.mark.parametrize("stamp", [None, "1", 1.5, True, 0, -5])
def test_what_is_no_stamp_counts_as_now(stamp: object) -> None:
    assert known_by(arrival(stamp)) >= f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize("value", ["n14228-canary", "CANARY" * 9, 77331, ["CANARY"], {"CANARY": 1}])
def test_a_classified_value_is_never_in_the_message(value: object) -> None:
    outcome = _check({"tail_number": value})
    assert isinstance(outcome, Invalid)
    assert outcome.field == "tail_number"
    assert "canary" not in outcome.message.lower()
    assert "77331" not in outcome.message
    assert "allowed: " in outcome.message


def test_a_public_value_is_shown_but_not_at_length() -> None:
    outcome = _check({"destination": "X" * 5000})
    assert isinstance(outcome, Invalid)
    assert '"XXX' in outcome.message
    assert len(outcome.message) < 200


def test_the_id_is_the_key_when_it_is_well_formed_else_a_keyed_digest_of_the_bytes() -> None:
    identify = identifier(KEY, "flight_id")
    assert identify(json.dumps(DEPARTURE).encode()) == DEPARTURE["flight_id"]
    assert identify(b'{"flight_id": "A1", "carrier": 5}') == "A1"
    for odd in (b"", b"[]", b"{}", b'{"flight_id": 5}', b'{"flight_id": ""}', b"\xff"):
        assert identify(odd).startswith("hmac:")
    assert identify(b"broken\n") == identify(b"broken")
    assert identify(b"\xef\xbb\xbfbroken\n") == identify(b"broken")
    assert identify(b"broken") != identify(b"broken!")


def test_a_byte_order_mark_before_a_record_changes_nothing() -> None:
    for changes in ({}, {"carrier": 5}):
        raw = json.dumps(DEPARTURE | changes).encode()
        marked = b"\xef\xbb\xbf" + raw
        assert validate(marked, EVENT, PSEUDONYMISE) == validate(raw, EVENT, PSEUDONYMISE)
        assert identifier(KEY, "flight_id")(marked) == DEPARTURE["flight_id"]


def test_what_is_allowed_is_shown_without_invisible_characters() -> None:
    record = copy.deepcopy(EVENT)
    carrier = next(f for f in record["fields"] if f["name"] == "carrier")
    carrier["allowed"] = ["UA", "\ufeffB6"]
    raw = json.dumps(DEPARTURE | {"carrier": "B6"}).encode()
    outcome = validate(raw, record, PSEUDONYMISE)
    assert isinstance(outcome, Invalid)
    assert outcome.message == r'carrier is "B6"; allowed: UA, \ufeffB6'


def test_nobody_without_the_key_can_try_values_on_an_id() -> None:
    """Not a digest that anybody could make, nor the value's pseudonym, which readers know."""
    alone = identifier(KEY, "flight_id")(b"N14228")
    assert alone != identifier(KEY[::-1], "flight_id")(b"N14228")
    for name in ("md5", "sha1", "sha256"):
        assert hashlib.new(name, b"N14228", usedforsecurity=False).hexdigest() not in alone
    assert pseudonym("N14228", KEY).removeprefix("p_") not in alone
    with pytest.raises(ValueError, match="at least 16"):
        identifier(b"short", "flight_id")


def test_pseudonyms_depend_on_value_and_key_only() -> None:
    assert pseudonym("N14228", KEY) == pseudonym("N14228", KEY)
    assert pseudonym("N14228", KEY) != pseudonym("N14229", KEY)
    assert pseudonym("N14228", KEY) != pseudonym("N14228", KEY[::-1])
    with pytest.raises(ValueError, match="at least 16"):
        pseudonymiser(b"short")


def test_patterns_end_where_ecma_ends_them() -> None:
    assert portable_pattern("^a$|^b$").search("b\n") is None
    assert portable_pattern(r"^\$[$]$").search("$$") is not None
    assert portable_pattern(r"^\d$").search("٣") is None


def test_a_changed_contract_changes_validation() -> None:
    stricter = copy.deepcopy(EVENT)
    next(f for f in stricter["fields"] if f["name"] == "distance_miles")["maximum"] = 1000
    raw = json.dumps(DEPARTURE).encode()
    assert isinstance(validate(raw, EVENT, PSEUDONYMISE), Valid)
    outcome = validate(raw, stricter, PSEUDONYMISE)
    assert isinstance(outcome, Invalid)
    assert outcome.field == "distance_miles"


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("tail_number", {"treatment": "scramble"}, "treatment of tail_number"),
        ("flight_id", {"classification": "confidential"}, "can't be classified"),
        ("event_time", {"required": False}, "must be required"),
        ("carrier", {"not_after": "event_time"}, "must be an untreated timestamp"),
        ("carrier", {"type": "array"}, "has type 'array'"),
        ("weather_observed_at", {"allowed": ["2013-01-01T00:00:00Z"]}, "would do nothing"),
        ("aircraft_engines", {"type": "boolean", "allowed": [True]}, "would do nothing"),
    ],
)
def test_a_contract_that_asks_for_the_impossible_is_refused(
    name: str, changes: dict[str, Any], words: str
) -> None:
    record = copy.deepcopy(EVENT)
    next(field for field in record["fields"] if field["name"] == name).update(changes)
    with pytest.raises(ValueError, match=words):
        compiled(record)


def test_a_file_that_is_no_contract_says_what_it_lacks() -> None:
    with pytest.raises(ContractError, match="here is not JSON"):
        parse("{", "here")
    with pytest.raises(ContractError, match=r"lacks .*seed"):
        parse("{}")
    with pytest.raises(ContractError, match="allowed: events, labels"):
        record_of(parse(json.dumps(CONTRACT)), "arrivals")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    assert isinstance(validate(raw, EVENT, PSEUDONYMISE), Valid | Invalid)
    assert identifier(KEY, "flight_id")(raw)


@given(st.dictionaries(st.sampled_from(sorted(DEPARTURE)) | st.text(max_size=8), json_values))
def test_no_change_of_a_record_makes_it_raise(changes: dict[str, Any]) -> None:
    outcome = _check(changes)
    assert isinstance(outcome, Valid | Invalid)
    if isinstance(outcome, Valid):
        assert set(outcome.values) <= set(DEPARTURE) | {"wind_gust_mph"}
        assert math.isfinite(outcome.values.get("temperature_f", 0.0))


@given(
    temperature=st.floats(-60, 140),
    number=st.integers(1, 9999),
    seats=st.none() | st.integers(1, 900),
)
def test_values_survive_unchanged(temperature: float, number: int, seats: int | None) -> None:
    outcome = _check(
        {"temperature_f": temperature, "flight_number": number, "aircraft_seats": seats}
    )
    assert isinstance(outcome, Valid)
    stored = json.loads(json.dumps(outcome.values))
    assert stored["temperature_f"] == temperature
    assert stored["flight_number"] == number
    assert stored.get("aircraft_seats") == seats
