"""Text for people keeps its letters, and is always text that UTF-8 holds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.texts import document, readable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Zürich 東京", '"Zürich 東京"'),
        ("\ufeffUA\u200b", r'"\ufeffUA\u200b"'),
        ("\u202e1", r'"\u202e1"'),
        ("\ud83d", r'"\ud83d"'),
        ("\u2028", r'"\u2028"'),
        ("a\nb", r'"a\nb"'),
        (1.5, "1.5"),
        (True, "true"),
    ],
)
def test_letters_stay_and_what_does_not_print_is_escaped(value: object, text: str) -> None:
    assert readable(value) == text


@given(st.text() | st.text(st.characters(categories=["Cs", "Cf", "Lu", "Zl"])))
def test_every_text_is_shown_in_one_line_and_comes_back(value: str) -> None:
    shown = readable(value)
    assert shown.isprintable()
    # Two halves of a character that stand side by side are read as the character.
    joined = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(shown) == joined
    assert json.loads(document({"message": value}).encode("utf-8")) == {"message": joined}


def test_a_document_has_no_infinity() -> None:
    with pytest.raises(ValueError, match="JSON"):
        document({"x": float("inf")})
