"""docs/architecture.md sends people to files that are there."""

from __future__ import annotations

import re

import pytest

from config.load import REPOSITORY

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text()
SECTION = PAGE.split("## Where do I change", 1)[1].split("\n## ", 1)[0]
ROWS = [line.strip("| ").split(" | ") for line in SECTION.splitlines() if line.startswith("| ")][1:]
PLACE = re.compile(r"`([\w.<>*/-]+/[\w.<>*/-]*)`")


def test_ten_changes_and_more_are_told() -> None:
    assert len(ROWS) >= 10
    assert all(len(row) == 3 for row in ROWS)


@pytest.mark.parametrize(("change", "files", "held_by"), ROWS, ids=[row[0] for row in ROWS])
def test_each_path_is_there(change: str, files: str, held_by: str) -> None:
    """A name in angle brackets stands for any."""
    places, tests = PLACE.findall(files), PLACE.findall(held_by)
    assert places
    assert tests
    assert all(test.startswith("tests/") for test in tests), change
    for place in (*places, *tests):
        pattern = re.sub(r"<\w+>", "*", place).rstrip("/")
        assert list(REPOSITORY.glob(pattern)), f"{change}: {place}"


def test_every_path_of_the_page_is_there() -> None:
    """Paths of our own code, wherever the page names one."""
    roots = "core|config|stacks|lambdas|glue_jobs|model_code|bundles|local|review|operations|tests"
    named = set(re.findall(rf"`((?:{roots})/[\w./<>*{{}},-]+)`", PAGE))
    lost = []
    for place in named:
        pattern = re.sub(r"<[\w ]+>|\{[^}]*\}", "*", place).rstrip("/")
        if not list(REPOSITORY.glob(pattern)):
            lost.append(place)
    assert lost == []
