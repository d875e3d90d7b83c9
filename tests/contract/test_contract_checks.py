"""One row per check of the contract: a small change that is refused, where, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from core.checks import LARGEST_NUMBER
from tests.support.copies import CONTRACT, ConfigurationCopy, field, set_custom

Contract = dict[str, Any]
EVENT = "schema[scheduled_departures]"
LABEL = "schema[arrivals]"


class Row(NamedTuple):
    """A change, the field that is blamed, and words of what is allowed."""

    name: str
    change: Callable[[Contract], object]
    field: str
    allowed: str


def _on(name: str, /, **values: object) -> Callable[[Contract], object]:
    """Set keys of one field."""
    return lambda contract: field(contract, name).update(values)


def _custom(name: str, key: str, value: object) -> Callable[[Contract], object]:
    """Set or remove a custom property of one field."""
    return lambda contract: set_custom(field(contract, name), key, value)


def _options(name: str, /, **values: object) -> Callable[[Contract], object]:
    return lambda contract: (
        field(contract, name).setdefault("logicalTypeOptions", {}).update(values)
    )


def _top(key: str, value: object) -> Callable[[Contract], object]:
    return lambda contract: set_custom(contract, key, value)


def _criteria(key: str, /, **values: object) -> Callable[[Contract], object]:
    def change(contract: Contract) -> None:
        (entry,) = (e for e in contract["customProperties"] if e["property"] == key)
        for name, value in values.items():
            if value is None:
                del entry["value"][name]
            else:
                entry["value"][name] = value

    return change


def _schema(index: int, key: str, value: object) -> Callable[[Contract], object]:
    return lambda contract: set_custom(contract["schema"][index], key, value)


def _object(index: int, /, **values: object) -> Callable[[Contract], object]:
    """Set keys of one schema object."""
    return lambda contract: contract["schema"][index].update(values)


def _signed(contract: Contract, kind: str, *, value: object) -> None:
    contract["schema"][0]["properties"].append(
        {"name": "signed", "logicalType": kind, "classification": "public",
         "enum": [{"value": value}]}
    )  # fmt: skip


def _drop(name: str) -> Callable[[Contract], object]:
    def change(contract: Contract) -> None:
        for schema in contract["schema"]:
            schema["properties"] = [p for p in schema["properties"] if p["name"] != name]

    return change


def _plain_features(contract: Contract) -> None:
    for prop in contract["schema"][0]["properties"]:
        for key in ("encoding", "observedAt"):
            set_custom(prop, key, None)
        if {"property": "mlRole", "value": "feature"} in prop["customProperties"]:
            set_custom(prop, "mlRole", None)


def _at(name: str, rest: str, schema: str = EVENT) -> str:
    return f"{schema}.properties[{name}].{rest}"


ROWS = (
    # Roles
    Row("two events", _schema(1, "mlRole", "event"), "schema", "exactly one object with mlRole"),
    Row("no role", _schema(0, "mlRole", None), f"{EVENT}.customProperties.mlRole", "must be set"),
    Row("no key", _custom("flight_id", "mlRole", None), f"{EVENT}.properties", "entityKey"),
    Row("two keys", _custom("destination", "mlRole", "entityKey"), f"{EVENT}.properties",
        "exactly one field with mlRole entityKey"),
    Row("no event time", _custom("event_time", "mlRole", None), f"{EVENT}.properties",
        "exactly one field with mlRole eventTime"),
    Row("no label value", _custom("arrival_delay_minutes", "mlRole", None), f"{LABEL}.properties",
        "exactly one field with mlRole labelValue"),
    Row("no features", _plain_features, f"{EVENT}.properties", "at least one field"),
    Row("feature in label", _custom("label_time", "mlRole", "feature"), f"{LABEL}.properties",
        "no mlRole feature"),
    Row("other key in label",
        lambda c: c["schema"][1]["properties"][0].update(name="departure_id"),
        f"{LABEL}.properties", "flight_id"),
    Row("optional key", _on("flight_id", required=False), _at("flight_id", "required"), "true"),
    Row("numeric key", _on("flight_id", logicalType="integer"),
        _at("flight_id", "logicalType"), "string"),
    # Types, limits, enumerations
    Row("unknown type", _on("carrier", logicalType="array"), _at("carrier", "logicalType"),
        "string, integer, number, boolean, timestamp"),
    Row("type missing", lambda c: field(c, "carrier").pop("logicalType"),
        _at("carrier", "logicalType"), "string, integer"),
    Row("physical type", _on("aircraft_year", physicalType="int"),
        _at("aircraft_year", "physicalType"), "bigint"),
    Row("limits crossed", _options("humidity_percent", minimum=101),
        _at("humidity_percent", "logicalTypeOptions.minimum"), "at most maximum, 100"),
    Row("limit of wrong type", _options("humidity_percent", minimum="0"),
        _at("humidity_percent", "logicalTypeOptions.minimum"), "type number"),
    Row("number beyond a feature", _options("humidity_percent", maximum=1e300),
        _at("humidity_percent", "logicalTypeOptions.maximum"), "a 32-bit float, holds"),
    Row("number below a feature", _options("humidity_percent", minimum=-3.5e38),
        _at("humidity_percent", "logicalTypeOptions.minimum"), "-3.4028234663852886e+38 to"),
    Row("limit between two doubles", _options("humidity_percent", maximum=2**53 + 1),
        _at("humidity_percent", "logicalTypeOptions.maximum"), "such as 9007199254740992.0"),
    Row("allowed value beyond a feature", lambda c: _signed(c, "number", value=-1e39),
        _at("signed", "enum[0].value"), "a 32-bit float, holds"),
    Row("allowed value between two doubles", lambda c: _signed(c, "number", value=2**53 + 1),
        _at("signed", "enum[0].value"), "such as 9007199254740992.0"),
    Row("integer beyond 64 bits", _options("aircraft_seats", maximum=2**63),
        _at("aircraft_seats", "logicalTypeOptions.maximum"), "64 bits"),
    Row("allowed integer beyond 64 bits", lambda c: _signed(c, "integer", value=-(2**63) - 1),
        _at("signed", "enum[0].value"), "64 bits"),
    Row("limit above what others allow", _options("aircraft_seats", exclusiveMaximum=1000),
        _at("aircraft_seats", "logicalTypeOptions.exclusiveMaximum"), "minimum, maximum"),
    Row("limit of a time", _options("weather_observed_at", minimum="1000-01-01T00:00:00Z"),
        _at("weather_observed_at", "logicalTypeOptions.minimum"), "not enforced for timestamp"),
    Row("example beyond a feature", _on("humidity_percent", examples=[1e39]),
        _at("humidity_percent", "examples[0]"), "a valid first example"),
    Row("example of a time before 1900",
        _on("weather_observed_at", examples=["1899-12-31T23:59:59Z"]),
        _at("weather_observed_at", "examples[0]"), "a valid first example"),
    Row("fraction as limit of an integer", _options("aircraft_seats", minimum=0.5),
        _at("aircraft_seats", "logicalTypeOptions.minimum"), "type integer"),
    Row("lengths crossed", _options("flight_id", minLength=65),
        _at("flight_id", "logicalTypeOptions.minLength"), "at most maxLength, 64"),
    Row("limit that nobody enforces", _options("aircraft_seats", multipleOf=2),
        _at("aircraft_seats", "logicalTypeOptions.multipleOf"), "minimum, maximum"),
    Row("pattern does not compile", _options("carrier", pattern="^[A-Z$"),
        _at("carrier", "logicalTypeOptions.pattern"), "unterminated character set"),
    Row("pattern without anchors", _options("carrier", pattern="[A-Z]{2}"),
        _at("carrier", "logicalTypeOptions.pattern"), "between ^ and $"),
    Row("pattern of another dialect", _options("carrier", pattern="^(?P<code>[A-Z]{2})$"),
        _at("carrier", "logicalTypeOptions.pattern"), "ECMA and Python share"),
    Row("unbounded text", lambda c: field(c, "carrier")["logicalTypeOptions"].pop("maxLength"),
        _at("carrier", "logicalTypeOptions.maxLength"), "unbounded"),
    Row("empty enumeration", _on("origin", enum=[]), _at("origin", "enum"), "at least one"),
    Row("value twice", _on("origin", enum=[{"value": "JFK"}, {"value": "JFK"}]),
        _at("origin", "enum[1].value"), "each value once"),
    Row("value of another type", _on("origin", enum=[{"value": "JFK"}, {"value": 1}]),
        _at("origin", "enum[1].value"), "type string"),
    # Names
    Row("partition column of the streams", _on("carrier", name="arrived"),
        _at("arrived", "name"), "partition column"),
    Row("upper case", _on("carrier", name="Carrier"), _at("Carrier", "name"), "lower case"),
    Row("name twice", _on("carrier", name="origin"), _at("origin", "name"), "given twice"),
    Row("table", lambda c: c["schema"][0].update(physicalName="departures"),
        f"{EVENT}.physicalName", "events"),
    # Classification
    Row("unknown classification", _on("carrier", classification="secret"),
        _at("carrier", "classification"), "public, internal, confidential, restricted"),
    Row("no classification", lambda c: field(c, "carrier").pop("classification"),
        _at("carrier", "classification"), "public, internal"),
    Row("untreated", _custom("tail_number", "treatment", None),
        _at("tail_number", "customProperties.treatment"), "pseudonymise"),
    Row("treated but public", _on("tail_number", classification="public"),
        _at("tail_number", "classification"), "confidential, restricted"),
    Row("internal key", _on("flight_id", classification="internal"),
        _at("flight_id", "classification"), "allowed with mlRole entityKey: public"),
    Row("classified feature", _custom("tail_number", "mlRole", "feature"),
        _at("tail_number", "classification"), "public, internal"),
    # Features and time
    Row("text without encoding", _custom("carrier", "encoding", None),
        _at("carrier", "customProperties.encoding"), "targetMean"),
    Row("timestamp as feature", _custom("weather_observed_at", "mlRole", "feature"),
        _at("weather_observed_at", "logicalType"), "string, integer, number, boolean"),
    Row("leak: unbound observation", _custom("weather_observed_at", "notAfter", None),
        _at("temperature_f", "customProperties[observedAt].value"), "leak"),
    Row("leak: bound to another time",
        _custom("weather_observed_at", "notAfter", "weather_observed_at"),
        _at("weather_observed_at", "customProperties[notAfter].value"), "a timestamp field"),
    Row("leak: label among the features", _on("aircraft_seats", name="arrival_delay_minutes"),
        f"{LABEL}.properties", "leak"),
    Row("observed at a number", _custom("temperature_f", "observedAt", "dew_point_f"),
        _at("temperature_f", "customProperties[observedAt].value"), "a timestamp field"),
    Row("not after a number", _custom("weather_observed_at", "notAfter", "dew_point_f"),
        _at("weather_observed_at", "customProperties[notAfter].value"), "a timestamp field"),
    # Criteria
    Row("task", _top("task", "ranking"), "customProperties[task].value",
        "allowed: binary, multiclass, regression"),
    Row("no task", _top("task", None), "customProperties.task", "must be set"),
    Row("typo", _top("taks", "binary"), "customProperties[taks]", "unknown key"),
    Row("typo in a field", _custom("carrier", "encodng", "targetMean"),
        _at("carrier", "customProperties[encodng]"), "unknown key"),
    Row("typo in ODCS", _on("carrier", logicalTypeOption={"maxLength": 1}),
        _at("carrier", "logicalTypeOption"), "not in ODCS"),
    Row("label field", _criteria("positiveLabel", field="delay"),
        "customProperties[positiveLabel].value.field", "arrival_delay_minutes"),
    Row("seed", _top("seedProbability", 1), "customProperties[seedProbability].value",
        "below 1"),
    Row("gate incomplete", _criteria("gate", minimumHoldoutRows=None),
        "customProperties[gate].value.minimumHoldoutRows", "must be set"),
    Row("gate mistyped", _criteria("gate", margin="none"),
        "customProperties[gate].value.margin", "a number"),
    Row("monitoring typo", _criteria("monitoring", bin=5),
        "customProperties[monitoring].value.bin", "unknown key; allowed: confidence"),
    Row("confidence", _criteria("monitoring", confidence=95),
        "customProperties[monitoring].value.confidence", "below 1"),
    Row("more drift than causes", _criteria("monitoring", driftedFeaturesToAlarm=99),
        "customProperties[monitoring].value.driftedFeaturesToAlarm", "one cause count once"),
    Row("time without zone", _schema(0, "earliestEventTime", "2000-01-01T00:00:00"),
        f"{EVENT}.customProperties[earliestEventTime].value", "a UTC time such as"),
    Row("times crossed", _schema(0, "latestEventTime", "1999-01-01T00:00:00Z"),
        f"{EVENT}.customProperties[earliestEventTime].value", "before latestEventTime"),
    Row("eleven years", _schema(0, "latestEventTime", "2024-01-01T00:00:00Z"),
        f"{EVENT}.customProperties[latestEventTime].value", "at most 3654 dates"),
    # Head and retention
    Row("no retention", lambda c: c["slaProperties"].pop(0), "slaProperties",
        "retention exactly once for scheduled_departures"),
    Row("retention of nothing", lambda c: c["slaProperties"][2].update(element="flights"),
        "slaProperties[latency flights].element", "scheduled_departures, arrivals"),
    Row("retention in years", lambda c: c["slaProperties"][0].update(unit="y"),
        "slaProperties[retention scheduled_departures].unit", "allowed: d"),
    Row("half a day", lambda c: c["slaProperties"][0].update(value=0.5),
        "slaProperties[retention scheduled_departures].value", "a whole number"),
    Row("version", lambda c: c.update(version="one"), "version", "major.minor.patch"),
    Row("example missing", lambda c: field(c, "carrier").pop("examples"),
        _at("carrier", "examples"), "missing"),
    Row("example out of range", _on("day_of_week", examples=[8]),
        _at("day_of_week", "examples[0]"), "a valid first example"),
    Row("unknown key", lambda c: c.update(schemas=[]), "schemas", "unknown key"),
    # What AWS would refuse
    Row("comment of 256 characters", _on("event_time", description="x" * 256),
        _at("event_time", "description"), "at most 255 characters, here 256"),
    Row("comment of two lines", _on("event_time", description="one\ntwo"),
        _at("event_time", "description"), "one line"),
    Row("name with a line break", _on("carrier", name="carrier\n"),
        _at("carrier\n", "name"), "lower case"),
    Row("version with a line break", lambda c: c.update(version="1.0.0\n"), "version",
        "major.minor.patch"),
    Row("contract's name with a line break", lambda c: c.update(name="flights\n"), "name",
        "lower case"),
    Row("object's name with a line break", _object(0, name="scheduled_departures\n"),
        "schema[scheduled_departures\n].name", "letters, digits"),
    Row("digits of another script", lambda c: c.update(version="1.0.\u0663"), "version",
        "major.minor.patch"),
    Row("30 February", _schema(0, "earliestEventTime", "2012-02-30T00:00:00Z"),
        f"{EVENT}.customProperties[earliestEventTime].value", "a date that exists"),
    Row("time with a line break", _schema(0, "earliestEventTime", "2013-01-01T00:00:00Z\n"),
        f"{EVENT}.customProperties[earliestEventTime].value", "a UTC time such as"),
    Row("before 1900", _schema(0, "earliestEventTime", "1899-12-31T00:00:00Z"),
        f"{EVENT}.customProperties[earliestEventTime].value", "years 1900 to 2261"),
    Row("after pandas", _schema(0, "latestEventTime", "2262-01-01T00:00:00Z"),
        f"{EVENT}.customProperties[latestEventTime].value", "years 1900 to 2261"),
    Row("year 9999", _schema(0, "latestEventTime", "9999-12-31T23:59:59Z"),
        f"{EVENT}.customProperties[latestEventTime].value", "years 1900 to 2261"),
    Row("retention for ever", lambda c: c["slaProperties"][1].update(value=99999999999),
        "slaProperties[retention arrivals].value", "1 to 36500"),
    Row("retention of a boolean", lambda c: c["slaProperties"][1].update(value=True),
        "slaProperties[retention arrivals].value", "a whole number"),
    Row("reserved word", _on("carrier", name="timestamp"), _at("timestamp", "name"),
        "no reserved word of Athena"),
    Row("two objects of one name", _object(1, name="Scheduled_Departures"),
        "schema[Scheduled_Departures].name", "whatever its case"),
    # Patterns
    Row("open range", _options("destination", pattern="^[A-Z]{,3}$"),
        _at("destination", "logicalTypeOptions.pattern"), "ECMA and Python share"),
    Row("possessive", _options("destination", pattern="^[A-Z]++$"),
        _at("destination", "logicalTypeOptions.pattern"), "ECMA and Python share"),
    Row("named character", _options("destination", pattern="^\\N{LATIN CAPITAL LETTER I}AH$"),
        _at("destination", "logicalTypeOptions.pattern"), "ECMA and Python share"),
    Row("catastrophic", _options("destination", pattern="^(?:[A-Z0-9]+-?)+$"),
        _at("destination", "logicalTypeOptions.pattern"), "few parts can match the same text"),
    Row("pattern that is no text", _options("destination", pattern=3),
        _at("destination", "logicalTypeOptions.pattern"), "a regular expression"),
    # Without effect
    Row("enum of a boolean", lambda c: _signed(c, "boolean", value=True),
        _at("signed", "enum"), "string, integer or number"),
    Row("enum of a time", lambda c: _signed(c, "timestamp", value="2013-01-01T00:00:00Z"),
        _at("signed", "enum"), "string, integer or number"),
    Row("physical name", _on("carrier", physicalName="UNIQUE_CARRIER"),
        _at("carrier", "physicalName"), "has no effect; allowed instead: name, carrier"),
    Row("unique", _on("carrier", unique=True), _at("carrier", "unique"), "has no effect"),
    Row("key that is not unique", _on("flight_id", unique=False), _at("flight_id", "unique"),
        "allowed with mlRole entityKey: true"),
    Row("compound key", _on("carrier", primaryKey=True, primaryKeyPosition=2),
        _at("carrier", "primaryKeyPosition"), "has no effect"),
    Row("second in the key", _on("flight_id", primaryKeyPosition=2),
        _at("flight_id", "primaryKeyPosition"), "1"),
    Row("partitioned elsewhere", _on("carrier", partitioned=True), _at("carrier", "partitioned"),
        "on the field with mlRole eventTime only"),
    Row("quality of a field", _on("carrier", quality=[{"metric": "nullValues", "mustBe": 0}]),
        _at("carrier", "quality"), "allowed instead: required"),
    Row("quality of an object", _object(0, quality=[{"metric": "rowCount", "mustBe": 1}]),
        f"{EVENT}.quality", "has no effect"),
    Row("relationship", _on("carrier", relationships=[{"to": "airlines.id"}]),
        _at("carrier", "relationships"), "has no effect"),
    Row("encrypted name", _on("carrier", encryptedName="carrier_x"),
        _at("carrier", "encryptedName"), "treatment pseudonymise"),
    Row("view", _object(0, physicalType="view"), f"{EVENT}.physicalType", "table"),
    Row("another promise",
        lambda c: c["slaProperties"].append(
            {"property": "availability", "value": 99, "unit": "d", "element": "arrivals"}),
        "slaProperties[availability arrivals].property", "has no effect; allowed: retention"),
    Row("default element", lambda c: c.update(slaDefaultElement="arrivals"), "slaDefaultElement",
        "element of each promise"),
    Row("latency of events",
        lambda c: c["slaProperties"].append(
            {"property": "latency", "value": 1, "unit": "d", "element": "scheduled_departures"}),
        "slaProperties[latency scheduled_departures].element", "has no effect on events"),
    Row("latency twice",
        lambda c: c["slaProperties"].append(dict(c["slaProperties"][2])),
        "slaProperties[latency arrivals]", "given twice"),
    Row("latency beyond retention", lambda c: c["slaProperties"][2].update(value=400),
        "slaProperties[latency arrivals].value", "less than the event's retention"),
    # Beyond sense
    Row("no label is late", _criteria("positiveLabel", atLeast=3001),
        "customProperties[positiveLabel].value.atLeast", "-300 (excluded) to 3000"),
    Row("no label of its type is late", lambda c: (
            field(c, "arrival_delay_minutes").pop("logicalTypeOptions"),
            _criteria("positiveLabel", atLeast=1e300)(c)),
        "customProperties[positiveLabel].value.atLeast", "or all labels are equal"),
    Row("every label is late", _criteria("positiveLabel", atLeast=-300),
        "customProperties[positiveLabel].value.atLeast", "-300 (excluded) to 3000"),
    Row("rows without end", _criteria("gate", minimumTrainingRows=10**12),
        "customProperties[gate].value.minimumTrainingRows", "1000000000"),
    Row("days beyond the window", _criteria("monitoring", minimumDays=31),
        "customProperties[monitoring].value.minimumDays", "at most 29: monitoring.window_days"),
    Row("text beyond a request", _options("carrier", maxLength=10**9),
        _at("carrier", "logicalTypeOptions.maxLength"), "0 to 65536"),
    Row("key longer than an id", _options("flight_id", maxLength=257),
        _at("flight_id", "logicalTypeOptions.maxLength"), "at most 256"),
    Row("value beyond the limits", _on("day_of_week", enum=[{"value": 8}]),
        _at("day_of_week", "enum[0].value"), "a value of the field"),
    Row("second example out of range", _on("day_of_week", examples=[1, 8]),
        _at("day_of_week", "examples[1]"), "a value of the field"),
    Row("example of another type", _on("carrier", examples=["UA", 9]),
        _at("carrier", "examples[1]"), "a value of type string"),
    Row("wrong type", _on("carrier", required="perhaps"), _at("carrier", "required"),
        "true or false"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_contract_is_refused(row: Row, configuration: ConfigurationCopy) -> None:
    configuration.load()
    configuration.change_contract(row.change)
    problems = configuration.problems()
    assert {problem.file for problem in problems} == {CONTRACT}
    matching = [p for p in problems if p.field == row.field and row.allowed in p.allowed]
    assert matching, "\n".join(map(str, problems))
    # A key that is absent has the line of what should hold it; only whole-file errors have none.
    root_level = "[" not in row.field and "." not in row.field
    assert root_level or all(problem.line for problem in matching)


def test_removing_a_field_that_others_name_is_refused(configuration: ConfigurationCopy) -> None:
    configuration.change_contract(_drop("weather_observed_at"))
    fields = {problem.field for problem in configuration.problems()}
    assert _at("temperature_f", "customProperties[observedAt].value") in fields
    assert len(fields) == 9, "every feature of the observation is told, not only the first"


def test_what_run_time_code_cannot_enforce_is_refused(
    configuration: ConfigurationCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_record: object) -> None:
        raise ValueError("treatment of x is 'hash'; allowed: pseudonymise")

    monkeypatch.setattr("config.contract_values.records.compiled", refuse)
    problems = configuration.problems()
    assert {problem.field for problem in problems} == {EVENT, LABEL}
    assert all(problem.line for problem in problems)


def test_changes_that_are_fine_load(configuration: ConfigurationCopy) -> None:
    def change(contract: Contract) -> None:
        contract["version"] = "1.1.0"
        contract["schema"][0]["properties"].append(
            {
                "name": "international", "logicalType": "boolean", "required": False,
                "classification": "internal",
                "customProperties": [{"property": "mlRole", "value": "feature"}],
            }
        )  # fmt: skip

    configuration.change_contract(change)
    assert configuration.load().contract["features"][-1]["name"] == "international"


HARMLESS: dict[str, Callable[[Contract], object]] = {
    "false": _on("carrier", unique=False, primaryKey=False, partitioned=False),
    "own name": _on("carrier", physicalName="carrier"),
    "words for people": _on("carrier", tags=["codes"], businessName="Carrier", deprecated=False),
    "longest comment": _on("carrier", description="x" * 255),
    "label and raw_carrier": lambda c: (
        field(c, "aircraft_engines").update(name="label"),
        field(c, "aircraft_seats").update(name="raw_carrier"),
    ),
    "all that the types hold": lambda c: (
        _options("aircraft_seats", minimum=-(2**63), maximum=2**63 - 1)(c),
        _options("humidity_percent", minimum=-LARGEST_NUMBER, maximum=LARGEST_NUMBER)(c),
    ),
    "words that begin alike": _options("destination", pattern="^(?:IAH|IAD|IND)$"),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_what_does_no_harm_may_stand(change: str, configuration: ConfigurationCopy) -> None:
    configuration.change_contract(HARMLESS[change])
    assert configuration.load().contract["name"] == "flights"


def test_a_custom_property_of_null_is_not_given(configuration: ConfigurationCopy) -> None:
    def change(contract: Contract) -> None:
        entries = field(contract, "aircraft_seats")["customProperties"]
        entries += [{"property": "observedAt", "value": None}]

    configuration.change_contract(change)
    fields = configuration.load().contract["event"]["fields"]
    (seats,) = (one for one in fields if one["name"] == "aircraft_seats")
    assert "observed_at" not in seats


def test_ten_years_of_dates_are_not_too_many(configuration: ConfigurationCopy) -> None:
    configuration.change_contract(_schema(0, "latestEventTime", "2023-01-02T00:00:00Z"))
    assert configuration.load().contract["event"]["latest"] == "2023-01-02T00:00:00Z"
