"""The report: complete for machines, self-contained for people, honest about failed runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from pydantic import ValidationError

from local.demo.report.model import Report
from local.demo.report.page import headline, render
from pages.svg import ticks
from tests.support.report_example import FEATURES, MONTHS, STACKS, example_report

# What the report promises to its readers, as paths into report.json.
PROMISED = (
    "records.sent", "records.curated", "records.rejected", "records.pending", "records.delivered",
    "records.duplicates", "records.labels", "resources.executed", "resources.emulated",
    "resources.recorded", "resources.by_type", "models.0.name", "models.1.training_window",
    "models.0.rows", "models.1.holdout.log_loss.low", "models.1.holdout.auc.high",
    "serving.requests", "serving.errors", "serving.by_variant", "serving.p50_ms", "serving.p99_ms",
    "monitoring.drifted_features", "monitoring.alarm", "iam.principals_enforced", "iam.calls",
    "iam.denied", "iam.unused_grants", "teardown.left", "seconds.total", "seconds.deploy",
)  # fmt: skip


class _References(HTMLParser):
    """Collects everything a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        fetched = {"src", "href", "xlink:href", "srcset", "data", "poster", "action"}
        self.references += [f"{name}={value}" for name, value in attrs if name in fetched]


def _follow(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document[int(part)] if part.isdigit() else document[part]
    return document


def _parsed(page: str) -> _References:
    parser = _References()
    parser.feed(page)
    return parser


@pytest.mark.parametrize("path", PROMISED)
def test_every_promised_key_is_present(path: str) -> None:
    assert _follow(example_report().model_dump(mode="json"), path) is not None


def test_the_report_survives_its_own_json() -> None:
    report = example_report()
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        Report.model_validate(example_report().model_dump() | {"invented": 1})


def test_the_page_fetches_nothing() -> None:
    page = render(example_report())
    found = _parsed(page)
    assert found.references == []
    assert not {"link", "script", "img", "iframe", "object"} & set(found.tags)
    assert re.findall(r"url\(|@import|https?://", page) == []


def test_the_page_shows_every_figure_with_its_data() -> None:
    page = render(example_report())
    assert _parsed(page).tags.count("svg") >= 10
    for words in (*MONTHS, *STACKS, *(name.replace("_", " ") for name in FEATURES)):
        assert words.replace("_", " ") in page
    assert "19,731" in page
    assert "0.729 (0.709 to 0.749)" in page


def test_text_from_the_run_is_escaped() -> None:
    report = example_report()
    report.faults[0].outcome = "<script>alert(1)</script>"
    report.phases[0].title = "<b>deploy"
    page = render(report)
    assert "<script>" not in page
    assert "<b>deploy" not in page


def test_a_failed_run_says_so_and_shows_what_it_has() -> None:
    report = example_report()
    report.status, report.failed_phase, report.reason = "failed", "first retraining", "no capacity"
    report.comparison = report.monitoring = report.serving = report.iam = report.teardown = None
    page = render(report)
    assert headline(report) == "The run failed in the phase “first retraining”."
    assert "no capacity" in page
    assert "What the monitor saw" not in page


def test_nothing_is_claimed_when_nothing_was_measured() -> None:
    report = example_report()
    report.records = report.resources = report.comparison = report.serving = None
    report.monitoring = report.iam = report.teardown = None
    report.models, report.stacks, report.faults, report.differences = [], [], [], []
    page = render(report)
    assert "every one accounted for" not in page
    assert _parsed(page).tags.count("svg") == 1


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.116, -0.076, "April to June beats January to March"),
        (0.02, 0.05, "April to June does worse than January to March"),
        (-0.01, 0.03, "can't be told apart"),
    ],
)
def test_the_headline_follows_the_interval(low: float, high: float, words: str) -> None:
    report = example_report()
    assert report.comparison is not None
    assert report.comparison.difference is not None
    report.comparison.difference.low, report.comparison.difference.high = low, high
    assert words in headline(report)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.53, 0.71), (-0.12, 0.01), (0.0, 12345.0), (0.5, 0.5)]
)
def test_ticks_cover_the_range_in_order(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low
    assert marks[-1] >= high
    assert marks == sorted(set(marks))
    assert 2 <= len(marks) <= 15
