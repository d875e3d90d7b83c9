"""Pages say what each optional capability has to say there."""

from __future__ import annotations

import pytest

from operations.pages import FOLDER, filled, marks, pages
from stacks import registry


def test_every_page_is_up_to_date() -> None:
    for page in pages():
        text = page.read_text()
        assert filled(text) == text, f"{page.name}: run `python -m operations.pages`"


def test_nothing_that_a_capability_says_is_left_out() -> None:
    named = {name for page in pages() for name in marks(page.read_text())}
    told = {
        path.stem
        for capability in registry.OPTIONAL
        for path in (FOLDER.parent / "stacks" / capability / "docs").glob("*.md")
    }
    assert told <= named


def test_without_a_capability_the_pages_do_not_speak_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "OPTIONAL", ())
    found = filled("a\n<!-- capabilities: security -->\nold\n<!-- end -->\nb\n")
    assert found == "a\n<!-- capabilities: security -->\n<!-- end -->\nb\n"
