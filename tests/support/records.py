"""One real departure, its label and what tests of functions read beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FLIGHTS = Path("config/contracts/flights.odcs.yaml")

# For ``mock_aws``: keep the session of ``aws_environment``.
KEEP_SESSION: Any = {"core": {"reset_boto3_session": False}}

KEY = b"0123456789abcdef0123456789abcdef"

DEPARTURE: dict[str, Any] = {
    "flight_id": "2013-01-01T10:15Z_UA_1545_EWR",
    "event_time": "2013-01-01T10:15:00Z",
    "carrier": "UA",
    "flight_number": 1545,
    "tail_number": "N14228",
    "origin": "EWR",
    "destination": "IAH",
    "departure_minute": 315,
    "arrival_minute": 519,
    "day_of_week": 2,
    "distance_miles": 1400,
    "weather_observed_at": "2013-01-01T10:00:00Z",
    "temperature_f": 39.02,
    "dew_point_f": 28.04,
    "humidity_percent": 64.43,
    "wind_direction_degrees": 260,
    "wind_speed_mph": 12.65,
    "precipitation_inches": 0.0,
    "pressure_millibars": 1011.9,
    "visibility_miles": 10.0,
    "aircraft_year": 1999,
    "aircraft_seats": 149,
    "aircraft_engines": 2,
}

ARRIVAL: dict[str, Any] = {
    "flight_id": "2013-01-01T10:15Z_UA_1545_EWR",
    "label_time": "2013-01-01T13:30:00Z",
    "arrival_delay_minutes": 11,
}
