"""A client of the API: signs every request, measures every answer, and asks again what failed.

The host of a REST API is ``<id>.execute-api.<domain>``; only the address that the name leads to is
local. Requests are signed for that host, so what is checked is what AWS would check.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from core.names import ROUTE_BATCH, ROUTE_HEALTH, ROUTE_PREDICTIONS, Scope

STAGE = "v1"
CLIENTS = 3
TIMEOUT_SECONDS = 60.0
THROTTLED = 429
OK = 200
UNANSWERED = 0
"""Status of a request without any answer (connection refused or cut)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came back; ``status`` 0 is no answer at all."""

    route: str
    status: int
    variant: str
    records: int
    milliseconds: float
    error: str
    at: float
    """Monotonic clock when the answer came."""
    body: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def good(self) -> bool:
        """Whether the request was answered with predictions."""
        return self.status == OK


class Api:
    """The deployed REST API, called with one person's credentials."""

    def __init__(
        self,
        api_id: str,
        *,
        scope: Scope,
        endpoint: str,
        region: str,
        ca_bundle: str,
        keys: Credentials,
    ) -> None:
        place = urlsplit(endpoint)
        self.host = f"{api_id}.execute-api.{place.hostname}:{place.port}"
        self._scope, self._region, self._keys = scope, region, keys
        self._pool = urllib3.HTTPSConnectionPool(
            place.hostname or "localhost", place.port, ca_certs=ca_bundle, maxsize=CLIENTS + 1,
            timeout=TIMEOUT_SECONDS, retries=False,
        )  # fmt: skip

    def health(self) -> Answer:
        """``GET /<model>/health``."""
        return self._call("GET", ROUTE_HEALTH, None, 0, signed=True)

    def predict(self, record: dict[str, Any], *, signed: bool = True) -> Answer:
        """``POST /predictions`` for one record."""
        return self._call("POST", ROUTE_PREDICTIONS, record, 1, signed=signed)

    def predict_batch(self, records: Sequence[dict[str, Any]]) -> Answer:
        """``POST /predictions/batch``."""
        body = {"records": list(records)}
        return self._call("POST", ROUTE_BATCH, body, len(records), signed=True)

    def _call(
        self, method: str, route: str, body: dict[str, Any] | None, records: int, *, signed: bool
    ) -> Answer:
        data = json.dumps(body).encode() if body is not None else b""
        path = f"/{STAGE}{self._scope.route(route)}"
        headers = {"Host": self.host, "Content-Type": "application/json"}
        request = AWSRequest(method, f"https://{self.host}{path}", headers=headers, data=data)
        if signed:
            SigV4Auth(self._keys, "execute-api", self._region).add_auth(request)
        start = time.perf_counter()
        try:
            answer = self._pool.urlopen(method, path, body=data, headers=dict(request.headers))
            status, content = answer.status, _decoded(answer.data)
        except urllib3.exceptions.HTTPError as error:
            status, content = UNANSWERED, {"message": type(error).__name__}
        spent = (time.perf_counter() - start) * 1000
        variant = str(content.get("variant", "none")) if status == OK else "none"
        reason = "" if status == OK else _reason(content)
        return Answer(route, status, variant, records, spent, reason, time.monotonic(), content)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        content = {"message": body[:200].decode(errors="replace")}
    return content if isinstance(content, dict) else {"message": str(content)[:200]}


def _reason(content: dict[str, Any]) -> str:
    error = content.get("error")
    if isinstance(error, dict):
        return f"{error.get('code')}: {error.get('message')}"
    return str(content.get("message") or content.get("Message") or content)[:200]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request still to be made."""

    records: tuple[dict[str, Any], ...]
    single: bool


def plan(events: Sequence[dict[str, Any]], *, singles: int, batch: int) -> list[Ask]:
    """Every flight once, in event order: evenly spaced singles, the rest in batches."""
    step = max(1, len(events) // singles) if singles else len(events) + 1
    asks: list[Ask] = []
    waiting: list[dict[str, Any]] = []
    alone = 0
    for index, event in enumerate(events):
        if index % step == 0 and alone < singles:
            alone += 1
            asks.append(Ask((event,), single=True))
            continue
        waiting.append(event)
        if len(waiting) == batch:
            asks.append(Ask(tuple(waiting), single=False))
            waiting = []
    if waiting:
        asks.append(Ask(tuple(waiting), single=False))
    return asks


class Client:
    """Makes planned requests with a few connections; what failed is asked again at the end."""

    def __init__(self, api: Api, attempts: int = 4, pause_seconds: float = 1.0) -> None:
        self._api, self._attempts, self._pause = api, attempts, pause_seconds
        self._lock = threading.Lock()
        self.answers: list[Answer] = []

    def run(
        self, asks: Iterable[Ask], *, on_progress: Callable[[int], None] | None = None
    ) -> list[Ask]:
        """Make all requests; returns those that still had no answer after every attempt."""
        waiting = list(asks)
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(self._pause * attempt)
            waiting = self._round(waiting, on_progress)
            if not waiting:
                break
        return waiting

    def _round(self, asks: list[Ask], on_progress: Callable[[int], None] | None) -> list[Ask]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = pool.map(lambda ask: self._ask(ask, on_progress), asks)
            return [ask for ask, answer in zip(asks, answers, strict=True) if again(answer)]

    def _ask(self, ask: Ask, on_progress: Callable[[int], None] | None) -> Answer:
        one = ask.single
        answer = self._api.predict(ask.records[0]) if one else self._api.predict_batch(ask.records)
        with self._lock:
            self.answers.append(answer)
            done = len(self.answers)
        if on_progress is not None:
            on_progress(done)
        return answer


def again(answer: Answer) -> bool:
    """Whether a request is worth repeating: throttled, no answer, or the server's fault."""
    return answer.status in (UNANSWERED, THROTTLED) or answer.status >= 500
