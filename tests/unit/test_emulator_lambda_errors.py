"""Class names read from tracebacks, on tracebacks that Python wrote."""

from __future__ import annotations

import traceback

import pytest

from lambdas.shared.errors import StackBusy
from local.services.lambda_.errors import raised_class


def _trace(error: Exception) -> str:
    try:
        try:
            raise LookupError("an earlier one")
        except LookupError:
            raise error  # noqa: B904 (a chain as handlers write it)
    except Exception:
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (StackBusy("stack x is in UPDATE_IN_PROGRESS"), "StackBusy"),
        (ValueError("two\nlines: of text"), "ValueError"),
        (KeyError("member"), "KeyError"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_the_last_exception_of_a_traceback_is_named(error: Exception, name: str) -> None:
    log = f"a line that the handler printed\n{_trace(error)}"
    assert raised_class(log, str(error)) == name


def test_a_log_without_a_traceback_names_nothing() -> None:
    assert raised_class("printed: something\nended", "worker died") is None
