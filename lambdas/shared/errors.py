"""Errors whose class names the state machine matches in Retry and Catch, and input checks."""

from __future__ import annotations

from typing import Any


class StackBusy(Exception):  # noqa: N818 (the state machine matches this name)
    """The serving stack is being deployed or updated: try again later."""


class LeaseLost(Exception):  # noqa: N818 (the state machine matches this name)
    """The execution no longer holds the lease, so it may not move a pointer. Never retried."""


class BadRequestError(ValueError):
    """A handler was called with an operation or input it does not have. Never retried."""


def required(event: dict[str, Any], name: str) -> str:
    """A text member of a handler's input.

    Raises:
        BadRequestError: missing, empty or not text.
    """
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{name} is {value!r}; expected text")
    return value


def execution_of(event: dict[str, Any]) -> str:
    """The execution's ARN: ``execution_id``, or ``execution.id`` where the whole object is given.

    Raises:
        BadRequestError: neither is there.
    """
    if "execution_id" in event:
        return required(event, "execution_id")
    return required(event.get("execution") or {}, "id")


def fencing_of(event: dict[str, Any]) -> int:
    """The fencing number: ``fencing``, or ``execution.fencing``.

    Raises:
        BadRequestError: neither is a whole number.
    """
    value = event.get("fencing", (event.get("execution") or {}).get("fencing"))
    if type(value) is not int:
        raise BadRequestError(f"fencing is {value!r}; expected a whole number")
    return value
