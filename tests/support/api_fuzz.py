"""The deployed API as an attacker calls it, and what must hold of every answer.

Requests go over a plain connection, because HTTP libraries correct what a fuzzer wants to get
wrong. They come from many loopback addresses and not too fast: the rate rule and the throttle of
the deployment stay as they are, and are not what is fuzzed here.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jsonschema
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from config.load import Deployment, load_deployment
from core.parsing import NotJsonError, bare, parse
from core.records import Invalid, Valid, pseudonymiser, validate
from lambdas.router.http import SECURITY_HEADERS
from local.cli import api_urls
from local.platform import ROOT, Platform
from operations.deployed import Deployed
from operations.openapi import document
from stacks.api.request_models import batch_model

# In the classified field of every record sent; nothing that the platform shows may hold it.
CANARY = "ZQ7CANARY"
SECONDS_BETWEEN = 1 / 40
REQUESTS_PER_ADDRESS = 1000
CLASSIFIED = "tail_number"
PSEUDONYMISE = pseudonymiser(b"k" * 32)
Headers = Iterable[tuple[str, str | bytes]]
JSON_HEADERS = (("Content-Type", "application/json"),)


class Answer(NamedTuple):
    """What came back; ``headers`` has names in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error object."""
        found: dict[str, Any] = json.loads(self.content)["error"]
        return found


def _sign(request: AWSRequest, keys: Credentials, region: str) -> None:
    SigV4Auth(keys, "execute-api", region).add_auth(request)


@dataclass
class FuzzedApi:
    """One deployment's API, its contract, and a tally of what was asked of it."""

    platform: Platform
    deployment: Deployment
    openapi: dict[str, Any]
    url: str
    sent: int = 0
    scored: int = 0
    """Answers that hold at least one probability: the endpoint was asked once for each."""
    statuses: dict[int, int] = field(default_factory=dict)
    _connection: http.client.HTTPSConnection | None = None
    _last: float = 0.0
    _read: int = 0
    """Bytes of the IAM record that were counted."""
    _asked: int = 0

    @classmethod
    def of(cls, platform: Platform, environment: str) -> FuzzedApi:
        """The API of the settings file deployed on a platform."""
        deployment = load_deployment(environment, ROOT)
        scope = deployment.settings.scope
        template = platform.client("cloudformation").get_template(
            StackName=f"{scope.stack_prefix}-api"
        )["TemplateBody"]
        content = json.loads(template) if isinstance(template, str) else template
        (url,) = api_urls(platform).values()
        return cls(platform, deployment, document(content), url)

    @property
    def event(self) -> dict[str, Any]:
        """The contract's event record."""
        found: dict[str, Any] = dict(self.deployment.contract["event"])
        return found

    def send(
        self,
        method: str,
        route: str,
        body: bytes = b"",
        headers: Headers = JSON_HEADERS,
        *,
        signer: Callable[[AWSRequest, Credentials, str], None] | None = _sign,
        signed_body: bytes | None = None,
    ) -> Answer:
        """One request. ``signed_body`` is what the signature says was sent instead of ``body``."""
        info = self.platform.info
        assert info is not None
        url = self.url + route
        request = AWSRequest(method, url, data=body if signed_body is None else signed_body)
        if signer is not None:
            signer(request, Credentials(info.access_key_id, info.secret_access_key), info.region)
        return self.exchange(method, url, body, [*request.headers.items(), *headers])

    def exchange(self, method: str, url: str, body: bytes, headers: Headers) -> Answer:
        """Send exactly these bytes and headers, and check what holds of every answer."""
        self._pace()
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = self._connected()
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, found, response.read())
        if response.will_close:
            self._connection = None
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        check_answer(answer, empty=method == "HEAD")
        if answer.status == 200 and b'"probability"' in answer.content:
            self.scored += 1
        return answer

    def _pace(self) -> None:
        wait = self._last + SECONDS_BETWEEN - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._last = time.monotonic()
        self.sent += 1
        if self.sent % REQUESTS_PER_ADDRESS == 0:
            self._connection = None

    def _connected(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            info = self.platform.info
            assert info is not None
            high, low = divmod(os.getpid(), 256)
            address = f"127.{1 + high % 250}.{low}.{1 + self.sent // REQUESTS_PER_ADDRESS}"
            self._connection = http.client.HTTPSConnection(
                "localhost",
                info.port,
                context=ssl.create_default_context(cafile=info.certificate),
                timeout=60,
                source_address=(address, 0),
            )
        return self._connection

    # -- what must come of a body ---------------------------------------------------------------

    def check_record(self, answer: Answer, body: bytes) -> None:
        """A record is answered if it keeps the contract, and else refused as the validator says."""
        outcome = validate(body, self.event, PSEUDONYMISE)
        if isinstance(outcome, Valid):
            assert answer.status == 200, (answer, body)
            expected = outcome.values[self.event["id_field"]]
            assert json.loads(answer.content)["record_id"] == expected
            return
        assert answer.status == 400, (answer, body)
        if outcome.code in ("not_json", "not_object") and outcome.field is None:
            assert answer.error["code"] in ("invalid_body", outcome.code), (answer, body)
        else:
            assert answer.error == outcome._asdict(), (answer, body)

    def check_batch(self, answer: Answer, body: bytes, records: list[bytes]) -> None:
        """The envelope decides at the gateway, each record by itself in the router."""
        limit = self.deployment.settings.api.batch_records
        try:
            parse(body)
        except NotJsonError:
            assert answer.status == 400, (answer, body)
            assert answer.error["code"] in ("invalid_body", "not_json"), (answer, body)
            return
        if breaks(batch_model(self.deployment.contract, limit), body):
            assert answer.status in (400, 413), (answer, body)
            assert answer.error["field"] == "records" or not _object(body), (answer, body)
            return
        assert answer.status == 200, (answer, body)
        predictions = json.loads(answer.content)["predictions"]
        assert len(predictions) == len(records)
        for raw, found in zip(records, predictions, strict=True):
            outcome = validate(raw, self.event, PSEUDONYMISE)
            if isinstance(outcome, Invalid):
                assert found["error"] == outcome._asdict(), (raw, found)
            else:
                assert found["record_id"] == outcome.values[self.event["id_field"]]
                assert 0 <= found["probability"] <= 1

    # -- what it left behind --------------------------------------------------------------------

    def endpoint_calls(self) -> int:
        """How often a role of the deployment has asked the endpoint, by the IAM record.

        The record only grows: what was counted before is not read again.
        """
        with Path(self.platform.state_dir, "iam-decisions.jsonl").open("rb") as record:
            record.seek(self._read)
            for line in record:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._asked += b'"action":"sagemaker:InvokeEndpoint"' in line and b'"Allow"' in line
        return self._asked

    @cached_property
    def _log_groups(self) -> list[str]:
        deployed = Deployed.read(
            self.platform.client("cloudformation"), self.deployment.settings.scope
        )
        return [one.physical_id for one in deployed.of_type("AWS::Logs::LogGroup", "api")]

    def log_lines(self, since: float) -> list[str]:
        """Every line that the API's stack has logged since a time (epoch seconds)."""
        assert self._log_groups
        pages = self.platform.client("logs").get_paginator("filter_log_events").paginate
        return [
            event["message"]
            for group in self._log_groups
            for page in pages(logGroupName=group, startTime=int(since * 1000))
            for event in page["events"]
        ]


def breaks(model: dict[str, Any], body: bytes) -> bool:
    """Whether the body is JSON of which a model can be asked, and it says no."""
    try:
        content = json.loads(bare(body).decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return not jsonschema.Draft4Validator(model).is_valid(content)


def _object(body: bytes) -> bool:
    return type(parse(body)) is dict


def check_answer(answer: Answer, *, empty: bool = False) -> None:
    """Never a 5xx, always our shape and headers, nothing classified and nothing internal."""
    shown = answer.content.decode("utf-8")
    assert answer.status < 500, answer
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get(name.lower()) == value, (name, answer)
    for internal in (CANARY.lower(), "traceback", "arn:aws", "lambda", "/var/task"):
        assert internal not in shown.lower(), answer
    if empty:
        assert shown == ""
    elif answer.status != 200:
        assert json.loads(shown).keys() == {"error"}, answer
        assert answer.error.keys() == {"code", "field", "message"}, answer
        assert answer.error["code"] and answer.error["message"]
