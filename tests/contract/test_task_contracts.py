"""What contracts of regression and of several classes may say, where it is refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import yaml

from model_code import tasks
from tests.support.copies import CONTRACT, ConfigurationCopy, field, set_custom
from tests.support.task_contracts import CHANGES, CLASSES, EARLY, LABEL, LATE, ON_TIME, compiled

Contract = dict[str, Any]
HERE = f"schema[arrivals].properties[{LABEL}]"


class Row(NamedTuple):
    """A change of a case, the place that is blamed, and words of what is allowed."""

    case: str
    name: str
    change: Callable[[Contract], object]
    field: str
    allowed: str


def _top(key: str, value: object) -> Callable[[Contract], object]:
    return lambda contract: set_custom(contract, key, value)


def _label(**values: object) -> Callable[[Contract], object]:
    return lambda contract: field(contract, LABEL).update(values)


def _options(**values: object) -> Callable[[Contract], object]:
    return _label(logicalTypeOptions=values)


def _criteria(key: str, **values: object) -> Callable[[Contract], object]:
    def change(contract: Contract) -> None:
        for entry in contract["customProperties"]:
            if entry["property"] == key:
                entry["value"].update(values)

    return change


def _encoded(encoding: str) -> Callable[[Contract], object]:
    return lambda contract: set_custom(field(contract, "carrier"), "encoding", encoding)


def _classes(*found: object) -> Callable[[Contract], object]:
    ranges = [
        {key: value for key, value in zip(("name", "below"), one, strict=True) if value is not None}
        if isinstance(one, tuple)
        else one
        for one in found
    ]
    return _top("classes", ranges)


def _both(*changes: Callable[[Contract], object]) -> Callable[[Contract], object]:
    return lambda contract: [change(contract) for change in changes]


TOP = "customProperties"
ROWS = (
    Row("squared", "no seed", _top("seedValue", None), f"{TOP}.seedValue", "must be set"),
    Row("squared", "seed of text", _top("seedValue", "7"), f"{TOP}[seedValue].value", "a number"),
    Row("squared", "seed out of reach", _top("seedValue", 3001.0), f"{TOP}[seedValue].value",
        "within arrival_delay_minutes's values, -300 to 3000"),
    Row("squared", "binary's seed", _top("seedProbability", 0.2), f"{TOP}[seedProbability]",
        "unknown"),
    Row("squared", "another metric", _criteria("gate", metric="logLoss"),
        f"{TOP}[gate].value.metric", "meanAbsoluteError or meanSquaredError"),
    Row("squared", "unbounded labels", _options(minimum=0), f"{HERE}.logicalTypeOptions.maximum",
        "with task regression: -1e+12 to 1e+12"),
    Row("squared", "labels without end", _options(minimum=-(10**13), maximum=1),
        f"{HERE}.logicalTypeOptions.minimum", "-1e+12 to 1e+12"),
    Row("squared", "labels of text",
        _label(logicalType="string", physicalType="string", examples=["x"],
               logicalTypeOptions={"maxLength": 2}),
        f"{HERE}.logicalType", "with mlRole labelValue and task regression: integer, number"),
    Row("ranges", "no ranges", _top("classes", None), f"{TOP}.classes",
        "must be set with a numeric label; allowed: ranges of it"),
    Row("ranges", "a number for ranges", _top("classes", 5), f"{TOP}[classes].value",
        "a list of sections with name, below"),
    Row("ranges", "a mapping for ranges", _top("classes", {"fast": 24}), f"{TOP}[classes].value",
        "a list of sections with name, below"),
    Row("ranges", "a text among ranges", _classes(("a", 1), "usual", ("c", None)),
        f"{TOP}[classes].value[1]", "a section with name, below"),
    Row("ranges", "nothing among ranges", _classes(("a", 1), None, ("c", None)),
        f"{TOP}[classes].value[1]", "a section with name, below"),
    Row("ranges", "a list among ranges", _classes(("a", 1), ["b", 2], ("c", None)),
        f"{TOP}[classes].value[1]", "a section with name, below"),
    Row("ranges", "a limit of text", _classes(("a", "24"), ("b", 30), ("c", None)),
        f"{TOP}[classes].value[a].below", "a number"),
    Row("ranges", "a name that is true", _classes((True, 24), ("b", 30), ("c", None)),
        f"{TOP}[classes].value[0].name", "text, in quotes"),
    Row("ranges", "two classes", _classes(("a", 1), ("b", None)), f"{TOP}[classes].value",
        "with task multiclass: 3 to 100 values"),
    Row("ranges", "a name twice", _classes(("a", 1), ("a", 2), ("b", None)),
        f"{TOP}[classes].value[a].name", "each name once"),
    Row("ranges", "a name as another spells it",
        _classes(("fr\u00fch", 1), ("fru\u0308h", 2), ("b", None)),
        f"{TOP}[classes].value[fru\u0308h].name", "looks the same (equal in Unicode NFC)"),
    *(
        Row("ranges", f"a name with {what}", _classes((f"a{one}b", 1), ("b", 2), ("c", None)),
            f"{TOP}[classes].value[a{one}b].name", "without control characters")
        for what, one in (("NUL", "\0"), ("tab", "\t"), ("newline", "\n"), ("2028", "\u2028"))
    ),
    *(
        Row("ranges", f"a name of {what}", _classes((one, 1), ("b", 2), ("c", None)),
            f"{TOP}[classes].value[{one or 0}].name", "a character that shows")
        for what, one in (("nothing", ""), ("spaces", "  "), ("no width", "\u200b"))
    ),
    Row("ranges", "a name missing", _classes((None, 1), ("a", 2), ("b", None)),
        f"{TOP}[classes].value[0].name", "must be set"),
    Row("ranges", "the last one closed", _classes(("a", 1), ("b", 2), ("c", 3)),
        f"{TOP}[classes].value[c].below", "the last is open"),
    Row("ranges", "an open one between", _classes(("a", 1), ("b", None), ("c", None)),
        f"{TOP}[classes].value[b].below", "below, for each but the last"),
    Row("ranges", "descending", _classes(("a", 2), ("b", 1), ("c", None)),
        f"{TOP}[classes].value[b].below", "ascending limits, here above 2"),
    Row("ranges", "a class that no label reaches", _classes(("a", -300), ("b", 1), ("c", None)),
        f"{TOP}[classes].value[a]", "values, integers from -300 to 3000"),
    Row("ranges", "a class between two integers", _classes(("a", 24.2), ("b", 24.5), ("c", None)),
        f"{TOP}[classes].value[b]", "values, integers from -300 to 3000"),
    Row("ranges", "a class between listed integers",
        _both(_label(enum=[{"value": 1}, {"value": 11}, {"value": 9}]),
              _classes(("a", 2), ("b", 9), ("c", None))),
        f"{TOP}[classes].value[b]", "values, [1, 11, 9]"),
    Row("ranges", "a last class without labels", _classes(("a", 1), ("b", 3001), ("c", None)),
        f"{TOP}[classes].value[c]", "values, integers from -300 to 3000"),
    Row("ranges", "means of places", _encoded("targetMean"),
        "schema[scheduled_departures].properties[carrier].customProperties[encoding].value",
        "with task multiclass: ordinal"),
    Row("ranges", "regression's metric", _criteria("gate", metric="meanSquaredError"),
        f"{TOP}[gate].value.metric", "logLoss"),
    Row("ranges", "tolerance of 1", _criteria("monitoring", calibrationTolerance=1.0),
        f"{TOP}[monitoring].value.calibrationTolerance", "at least 0 and below 1"),
    Row("texts", "ranges of text", _classes(("a", 1), ("b", 2), ("c", None)),
        f"{TOP}[classes].value", "with a numeric label"),
    Row("texts", "no list of classes", _label(enum=None, logicalTypeOptions={"maxLength": 20}),
        f"{HERE}.enum", "3 to 100 values, the classes"),
    Row("texts", "a class twice", _label(enum=[{"value": one} for one in (*CLASSES, LATE)]),
        f"{HERE}.enum[3].value", "each value once"),
    Row("texts", "a class of spaces", _label(enum=[{"value": one} for one in (EARLY, " ", LATE)]),
        f"{HERE}.enum[1].value", "a character that shows"),
    Row("texts", "no values", _label(enum=[]), f"{HERE}.enum", "at least one value"),
    Row("texts", "a class that is a number",
        _label(enum=[{"value": one} for one in (EARLY, 5, LATE)]), f"{HERE}.enum[1].value",
        "a value of type string"),
    Row("texts", "a seed of text", _top("seedProbabilities", {EARLY: "x", LATE: 0.5, ON_TIME: 0.5}),
        f"{TOP}[seedProbabilities].value.{EARLY}", "a number"),
    Row("texts", "a class without seed", _top("seedProbabilities", {EARLY: 0.5, LATE: 0.5}),
        f"{TOP}[seedProbabilities].value", f"one for each class ({EARLY}, {ON_TIME}, {LATE})"),
    Row("texts", "seeds above 1 in all",
        _top("seedProbabilities", {EARLY: 0.5, LATE: 0.5, ON_TIME: 0.1}),
        f"{TOP}[seedProbabilities].value", "1 in all"),
    Row("texts", "a seed above 1",
        _top("seedProbabilities", {EARLY: 1.5, LATE: 0.0, ON_TIME: 0.0}),
        f"{TOP}[seedProbabilities].value.{EARLY}", "at most 1.0"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.case}: {row.name}")
def test_it_is_refused_where_it_stands(row: Row, configuration: ConfigurationCopy) -> None:
    configuration.change_contract(CHANGES[row.case])
    configuration.change_contract(row.change)
    problems = configuration.problems()
    assert [problem.field for problem in problems] == [row.field], list(map(str, problems))
    assert row.allowed in problems[0].allowed
    assert problems[0].line


@pytest.mark.parametrize("case", CHANGES)
def test_a_deployment_loads_with_it(case: str, configuration: ConfigurationCopy) -> None:
    configuration.change_contract(CHANGES[case])
    contract = configuration.load().contract
    assert contract == compiled(case)
    task = tasks.of(contract)
    assert task.read(task.answer(task.seed)) == task.seed


def test_rules_and_seeds_are_what_the_contract_says() -> None:
    assert compiled("squared")["label_rule"] == {"field": LABEL}
    assert compiled("squared")["seed"] == 40
    assert compiled("squared")["gate"]["metric"] == "meanSquaredError"
    found = compiled("ranges")
    assert found["label_rule"] == {"field": LABEL, "classes": CLASSES, "below": [-10, 15]}
    assert found["seed"] == [1 / 3] * 3
    assert compiled("texts")["label_rule"] == {"field": LABEL, "classes": CLASSES}
    assert compiled("texts")["seed"] == [0.2, 0.5, 0.3]


def test_an_unknown_task_names_those_that_there_are(configuration: ConfigurationCopy) -> None:
    configuration.change_contract(_top("task", "ranking"))
    (problem,) = configuration.problems()
    assert problem.field == "customProperties[task].value"
    assert "binary, multiclass, regression" in problem.allowed


def test_a_contract_without_features_says_so_once(configuration: ConfigurationCopy) -> None:
    def change(contract: Contract) -> None:
        for schema in contract["schema"]:
            for prop in schema["properties"]:
                if {"property": "mlRole", "value": "feature"} in prop.get("customProperties", []):
                    del prop["customProperties"]

    configuration.change_contract(change)
    (problem,) = configuration.problems()
    assert problem.allowed == "allowed: at least one field with mlRole feature"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("true", "true"),
        ("~", "null"),
        ("[1, null, {a: b}]", "[1, null, {a: 'b'}]"),
        ("usual", "'usual'"),
        ("it's", '"it\'s"'),
        ('"a\\tb"', '"a\\tb"'),
        ("not set", "'not set'"),
    ],
)
def test_a_value_is_shown_as_yaml_writes_it(
    written: str, shown: str, configuration: ConfigurationCopy
) -> None:
    configuration.change_contract(_top("task", yaml.safe_load(written)))
    if written == "~":
        configuration.change_contract(
            lambda contract: contract["customProperties"].append(
                {"property": "task", "value": None}
            )
        )
    (problem,) = configuration.problems()
    assert f"customProperties[task].value: {shown} — allowed: " in str(problem)
    assert yaml.safe_load(shown) == yaml.safe_load(written)


def test_two_mistakes_in_one_section_are_both_told(configuration: ConfigurationCopy) -> None:
    configuration.change_contract(
        _criteria("monitoring", confidence="high", driftedFeaturesToAlarm=99)
    )
    fields = [problem.field for problem in configuration.problems()]
    here = f"{TOP}[monitoring].value"
    assert fields == [f"{here}.confidence", f"{here}.driftedFeaturesToAlarm"]


def test_what_yaml_misreads_in_a_class_is_told_once(configuration: ConfigurationCopy) -> None:
    configuration.change_contract(CHANGES["ranges"])
    path = configuration.root / CONTRACT
    path.write_text(path.read_text().replace("below: -10", "below: 1_000"))
    (problem,) = configuration.problems()
    assert problem.field == f"{TOP}[classes].value[{EARLY}].below"
