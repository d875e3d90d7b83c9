"""Every test that ``docs/security.md`` names as a proof exists."""

from __future__ import annotations

import re

import pytest

from config.load import REPOSITORY
from tests.support.named_tests import missing

PAGE = REPOSITORY / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def named(text: str) -> list[tuple[str, str]]:
    """Pairs of file and test that a page names."""
    return sorted(set(NAMED.findall(text)))


def test_every_named_test_exists() -> None:
    assert missing(REPOSITORY, named(PAGE.read_text())) == []


def test_every_control_names_its_proof() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    controls = {line for line in rows if line.count("|") >= 3 and "`tests/" in line}
    assert len(controls) > 30
    tables = re.split(r"^\| control \|.*$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    for table in tables:
        body = table.split("\n\n", maxsplit=1)[0].splitlines()
        for row in body[2:]:
            assert NAMED.search(row), row


@pytest.mark.parametrize("gone", ["test_that_was_renamed", "test_every_named_test_exist"])
def test_a_test_that_is_gone_is_noticed(gone: str) -> None:
    proofs = named(f"`tests/contract/test_security_page.py::{gone}`")
    assert missing(REPOSITORY, proofs) == [f"tests/contract/test_security_page.py::{gone}"]
