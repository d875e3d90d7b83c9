"""Errors whose class names the retraining state machine matches in Retry and Catch."""

from __future__ import annotations


class StackBusy(Exception):  # noqa: N818 (the state machine matches this name)
    """The serving stack is being deployed or updated: try again later."""


class LeaseLost(Exception):  # noqa: N818 (the state machine matches this name)
    """The execution no longer holds the lease, so it may not move a pointer. Never retried."""


class BadRequestError(ValueError):
    """A handler was called with an operation or input it does not have. Never retried."""


def required(event: dict[str, object], name: str) -> str:
    """A text member of a handler's input.

    Raises:
        BadRequestError: missing, empty or not text.
    """
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{name} is {value!r}; expected text")
    return value
