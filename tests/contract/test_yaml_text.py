"""What YAML would read in two ways, or cannot read, is a problem with file and line."""

from __future__ import annotations

import pytest

from config import yaml_text
from config.problems import ConfigurationError
from tests.support.copies import CONTRACT, ConfigurationCopy

SETTINGS = "config/dev.yaml"
DECIMAL = "a decimal number without leading zero"


def replaced(configuration: ConfigurationCopy, file: str, old: str, new: str) -> int:
    """Change the text of a file; the line of the change."""
    path = configuration.root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    "row",
    [
        (CONTRACT, "margin: 0.0", "margin: '0.001'", "customProperties[gate].value.margin",
         "a number"),
        (CONTRACT, "populationStabilityIndex: 0.25", 'populationStabilityIndex: "0.25"',
         "customProperties[monitoring].value.populationStabilityIndex", "a number"),
        (CONTRACT, "atLeast: 15", "atLeast: yes", "customProperties[positiveLabel].value.atLeast",
         "a number"),
        (CONTRACT, "value: 400, unit: d, element: arr", "value: 0400, unit: d, element: arr",
         "slaProperties[retention arrivals].value", DECIMAL),
        (CONTRACT, "value: 400, unit: d, element: arr", "value: '400', unit: d, element: arr",
         "slaProperties[retention arrivals].value", "a whole number, 1 to 36500"),
        (CONTRACT, "minimumTrainingRows: 1000", "minimumTrainingRows: 01000",
         "customProperties[gate].value.minimumTrainingRows", DECIMAL),
        (CONTRACT, "atLeast: 15", "atLeast: 1:30", "customProperties[positiveLabel].value.atLeast",
         DECIMAL),
        (CONTRACT, "maximum: 9999}", "maximum: 9_999}",
         "schema[scheduled_departures].properties[flight_number].logicalTypeOptions.maximum",
         DECIMAL),
        (CONTRACT, "{minimum: -60, maximum: 140}", "{minimum: -60, maximum: .inf}",
         "schema[scheduled_departures].properties[temperature_f].logicalTypeOptions.maximum",
         "a finite decimal number"),
        (CONTRACT, "examples: [39.02]", "examples: [.nan]",
         "schema[scheduled_departures].properties[temperature_f].examples[0]", "a finite"),
        (CONTRACT, "examples: [39.02]", "examples: [1e999]",
         "schema[scheduled_departures].properties[temperature_f].examples[0]", "a finite"),
        (CONTRACT, "[{value: EWR}, {value: JFK}, {value: LGA}]", "[{value: EWR}, {value: NO}]",
         "schema[scheduled_departures].properties[origin].enum[1].value", "type string"),
        (CONTRACT, "required: true", 'required: "true"',
         "schema[scheduled_departures].properties[flight_id].required", "true or false"),
        (CONTRACT, "primaryKeyPosition: 1", "primaryKeyPosition: 1.0",
         "schema[scheduled_departures].properties[flight_id].primaryKeyPosition", "a whole number"),
        (CONTRACT, "{property: notAfter, value: event_time}",
         "{property: notAfter, value: [event_time]}",
         "schema[scheduled_departures].properties[weather_observed_at].customProperties[notAfter]"
         ".value", "text"),
        (CONTRACT, "{property: observedAt, value: weather_observed_at}",
         "{property: observedAt, value: {field: weather_observed_at}}",
         "schema[scheduled_departures].properties[temperature_f].customProperties[observedAt]"
         ".value", "text"),
        (CONTRACT, "{property: mlRole, value: event}", "{property: mlRole, value: [event]}",
         "schema[scheduled_departures].customProperties[mlRole].value", "event"),
        (CONTRACT, "name: carrier", "name: !!python/name:os.system carrier",
         "schema[scheduled_departures].properties[carrier].name", "no tag"),
        (CONTRACT, "status: active", "status: active\n1: one", "1", "as a key: text"),
        (SETTINGS, "log_days: 30", "log_days: 036", "retention.log_days", DECIMAL),
        (SETTINGS, "log_days: 30", "log_days: '30'", "retention.log_days", "1, 3"),
        (SETTINGS, "log_days: 30", "log_days: on", "retention.log_days", "a whole number"),
        (SETTINGS, "interface_endpoint_zones: 1", 'interface_endpoint_zones: "1"',
         "network.interface_endpoint_zones", "a whole number"),
        (SETTINGS, "interface_endpoint_zones: 1", "interface_endpoint_zones: true",
         "network.interface_endpoint_zones", "a whole number"),
        (SETTINGS, "allow_data_deletion: true", "allow_data_deletion: 1",
         "retention.allow_data_deletion", "true or false"),
        (SETTINGS, "retention:\n", "account: 012345670000\nretention:\n", "account", DECIMAL),
    ],
)  # fmt: skip
def test_a_value_that_is_read_in_two_ways_is_refused_where_it_stands(
    row: tuple[str, str, str, str, str], configuration: ConfigurationCopy
) -> None:
    file, old, new, field, allowed = row
    line = replaced(configuration, file, old, new)
    problems = configuration.problems()
    mine = [p for p in problems if p.field == field and allowed in p.allowed]
    assert mine, "\n".join(map(str, problems))
    assert len([p for p in problems if p.field == field]) == 1, "it is told once"
    assert {p.file for p in problems} == {file}
    assert line <= (mine[0].line or 0) <= line + 1


@pytest.mark.parametrize(
    ("old", "new", "where", "value"),
    [
        ("margin: 0.0", "margin: 1e-3", ("gate", "margin"), 0.001),
        ("value: 0.25\n", "value: 25e-2\n", ("seed",), 0.25),
        ("atLeast: 15", "atLeast: 15e0", ("label_rule", "at_least"), 15.0),
        ("atLeast: 15", "atLeast: +15", ("label_rule", "at_least"), 15.0),
        ('"2013-01-01T00:00:00Z"', "2013-01-01T00:00:00Z", ("event", "earliest"),
         "2013-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_what_is_a_number_or_a_date_to_everybody_is_compiled_as_it(
    old: str, new: str, where: tuple[str, ...], value: object, configuration: ConfigurationCopy
) -> None:
    replaced(configuration, CONTRACT, old, new)
    found: object = configuration.load().contract
    for step in where:
        assert isinstance(found, dict)
        found = found[step]
    assert found == value
    assert type(found) is type(value)


def test_a_date_stands_unquoted_as_editors_write_it(configuration: ConfigurationCopy) -> None:
    created = "status: active\ncontractCreatedTs: 2022-11-15T02:59:43+00:00"
    replaced(configuration, CONTRACT, "status: active", created)
    member = "- username: flights-data\n      dateIn: 2024-01-01"
    replaced(configuration, CONTRACT, "- username: flights-data", member)
    assert configuration.load().contract["name"] == "flights"


UNREADABLE = {
    "tab": (b"a: 1\n\tb: 2\n", 2),
    "latin-1": (b"a: 1\nb: caf\xe9\n", 2),
    "utf-16": ("a: 1\n".encode("utf-16"), 1),
    "control character": (b"a: 1\nb: \x07\n", 2),
    "anchor inside itself": (b"a: 1\nextra: &a {b: *a}\n", 2),
    "unknown alias": (b"a: 1\nb: *c\n", 2),
    "list as key": (b"a: 1\n? [b]\n: c\n", 2),
    "mapping as key": (b"a: 1\n? {b: 1}\n: c\n", 2),
    "merged number": (b"a: 1\nb: {<<: 3}\n", 2),
    "two documents": (b"a: 1\n---\nb: 2\n", 2),
    "depth": (b"a: 1\nb: " + b"[" * 100_000, 2),
    "aliases without end": (
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 10))
            for name in b"bcdefg"
        ),
        1,
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("file", [SETTINGS, CONTRACT])
def test_a_file_that_cannot_be_read_is_a_problem_with_its_line(
    kind: str, file: str, configuration: ConfigurationCopy
) -> None:
    content, line = UNREADABLE[kind]
    (configuration.root / file).write_bytes(content)
    mine = [problem for problem in configuration.problems() if problem.file == file]
    assert [(problem.field, problem.line) for problem in mine] == [("", line)]


@pytest.mark.parametrize("file", [SETTINGS, CONTRACT])
def test_windows_line_breaks_and_a_mark_of_byte_order_change_nothing(
    file: str, configuration: ConfigurationCopy
) -> None:
    before = configuration.load()
    path = configuration.root / file
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = configuration.load()
    assert (after.settings, after.contract) == (before.settings, before.contract)


ODD: tuple[bytes, ...] = (
    b"0400", b"1:30", b".inf", b"~", b"yes", b"[]", b"{}", b"[[]]", b"{a: {b: 1}}", b"''", b"-1",
    b"1e400", b"9" * 30, b"2013-01-01", b'"a\\nb"', b"!!set {a}", b"!x y", b"&a [*a]", b"0.5",
)  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("file", [SETTINGS, CONTRACT])
def test_no_value_anywhere_ends_in_a_traceback(
    odd: bytes, file: str, configuration: ConfigurationCopy
) -> None:
    """Each scalar of the file in turn; a tenth of them for each value, all places in all."""
    path = configuration.root / file
    original = path.read_bytes()
    lines = original.split(b"\n")
    step = 3 if file == SETTINGS else 40
    for number in range(ODD.index(odd) % step, len(lines), step):
        key, colon, _ = lines[number].rpartition(b": ")
        if not colon or lines[number].lstrip().startswith(b"#"):
            continue
        closing = b"" if b"{" not in key else b"}" * (key.count(b"{") - key.count(b"}"))
        changed = [*lines[:number], key + b": " + odd + closing, *lines[number + 1 :]]
        path.write_bytes(b"\n".join(changed))
        try:
            configuration.load()
        except ConfigurationError as error:
            assert error.problems


def test_a_refused_value_is_refused_wherever_an_alias_repeats_it() -> None:
    found = yaml_text.parse(b"a: &a 0400\nb: *a\n")
    assert [refusal.location for refusal in found.refusals] == [("a",), ("b",)]
    assert found.data == {"a": "0400", "b": "0400"}
