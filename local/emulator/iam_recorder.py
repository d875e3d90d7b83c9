"""Every authorisation decision the emulator takes, as one JSON line each.

The file ``iam-decisions.jsonl`` in the state directory is the evidence for the coverage report
(``local.emulator.iam_report``): who called what on which resource, and whether the deployed
policies allowed it. Lines are written by one thread so that a request never waits for the disk.
"""

from __future__ import annotations

import contextvars
import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import replace

FILE_NAME = "iam-decisions.jsonl"
VIA_SERVICE = "kms:viaservice"
"""Key of a decision on a customer key: the service that asked for it, as policies name it."""
_EVALUATOR = "ministack.core.iam_evaluator"

_principal: contextvars.ContextVar[Any] = contextvars.ContextVar("recorded_principal", default=None)
_matched: contextvars.ContextVar[str] = contextvars.ContextVar("recorded_statement", default="")
_writers: list[DecisionWriter] = []


class DecisionWriter:
    """Appends decisions to a file from a daemon thread, flushing whenever the queue is empty."""

    def __init__(self, path: Path) -> None:
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._file = path.open("a", encoding="utf-8")
        self._thread = threading.Thread(target=self._drain, name="iam-decisions", daemon=True)
        self._thread.start()

    def put(self, decision: dict[str, Any]) -> None:
        """Queue one decision."""
        self._queue.put(decision)

    def close(self) -> None:
        """Write what is queued and close the file."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _drain(self) -> None:
        while (decision := self._queue.get()) is not None:
            self._file.write(json.dumps(decision, separators=(",", ":"), default=str) + "\n")
            if self._queue.empty():
                self._file.flush()
        self._file.close()


def record(
    principal: str,
    action: str,
    resource: str,
    decision: str,
    *,
    via: str,
    statement: str = "",
    key_through: str = "",
) -> None:
    """Write one decision; ``via`` is ``request`` or the service that acted with the role.

    ``key_through`` is the service on whose behalf a key is used, such as ``sqs.<region>…``.
    """
    if not _writers:
        return
    line = {
        "time": round(time.time(), 3),
        "principal": principal,
        "action": action,
        "resource": resource,
        "decision": decision,
        "via": via,
    }
    more = {"statement": statement, VIA_SERVICE: key_through}
    _writers[0].put(line | {key: value for key, value in more.items() if value})


def current_principal() -> Any:
    """MiniStack's ``PrincipalInfo`` of the request being served, or None outside a request."""
    return _principal.get()


def _remember_principal(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_principal(*args: Any, **kwargs: Any) -> Any:
        principal = original(*args, **kwargs)
        _principal.set(principal)
        return principal

    return resolve_principal


def _remember_statement(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if result.decision != "ImplicitDeny":
            _matched.set(result.matched_sid)
        return result

    return evaluate


def _recording(original: Callable[..., Any]) -> Callable[..., Any]:
    from ministack.core.iam_evaluator import AuthError

    def enforce(  # noqa: PLR0917 (as MiniStack calls it)
        access_key: str, action: str, service: str, region: str,
        resource_arn: str = "*", service_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        _principal.set(None)
        _matched.set("")
        denied = original(access_key, action, service, region, resource_arn, service_context)
        if isinstance(denied, AuthError):
            record(access_key or "anonymous", action, resource_arn, denied.code, via="request")
            return denied
        principal = getattr(_principal.get(), "arn", "") or "anonymous"
        decision = denied.decision if denied else "Allow"
        record(principal, action, resource_arn, decision, via="request", statement=_matched.get())
        return denied

    return enforce


def attach(tables: Tables) -> None:
    """Record every decision of ``enforce`` from now on."""
    writer = DecisionWriter(tables.state_dir / FILE_NAME)
    _writers[:] = [writer]
    tables.on_shutdown(writer.close)
    replace(_EVALUATOR, "resolve_principal", _remember_principal)
    replace(_EVALUATOR, "evaluate", _remember_statement)
    replace(_EVALUATOR, "enforce", _recording)
