"""The pointers' custom resource: created once, never overwritten, always answered."""

from __future__ import annotations

import json
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import boto3
import pytest
from moto import mock_aws

from lambdas.pointers import handler as functions
from lambdas.pointers import response
from lambdas.pointers.response import REASON_CHARACTERS, document, send
from tests.support.records import KEEP_SESSION

CHAMPION, CHALLENGER = "/millrace/t/dev/models/champion", "/millrace/t/dev/models/challenger"
SEED = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/flights/1"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What CloudFormation would have received."""
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(response, "send", lambda url, answer: sent.append((url, answer)))
    return sent


@pytest.fixture
def ssm(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("MILLRACE_CHAMPION_PARAMETER", CHAMPION)
    monkeypatch.setenv("MILLRACE_CHALLENGER_PARAMETER", CHALLENGER)
    with mock_aws(config=KEEP_SESSION):
        yield boto3.client("ssm")


def _request(kind: str, **properties: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": "https://answers/1",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Pointers",
        "ResourceProperties": {"ServiceToken": "function", **properties},
    }


def _values(ssm: Any) -> dict[str, str]:
    found = ssm.get_parameters(Names=[CHAMPION, CHALLENGER])["Parameters"]
    return {parameter["Name"]: parameter["Value"] for parameter in found}


def test_creation_points_both_at_the_seed(ssm: Any, answers: list[Any]) -> None:
    functions.handler(_request("Create", PackageArn=SEED), None)
    assert _values(ssm) == {CHAMPION: SEED, CHALLENGER: SEED}
    url, answer = answers[0]
    assert url == "https://answers/1"
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"Champion": CHAMPION, "Challenger": CHALLENGER}
    assert (answer["StackId"], answer["RequestId"]) == ("stack", "request")


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_pointer_that_exists_keeps_its_package(ssm: Any, answers: list[Any], kind: str) -> None:
    ssm.put_parameter(Name=CHAMPION, Value="promoted", Type="String")
    functions.handler(_request(kind, PackageArn=SEED + "1"), None)
    assert _values(ssm) == {CHAMPION: "promoted", CHALLENGER: SEED + "1"}
    assert answers[0][1]["Status"] == "SUCCESS"


def test_the_physical_id_never_changes(ssm: Any, answers: list[Any]) -> None:
    for kind in ("Create", "Update", "Delete"):
        functions.handler(_request(kind, PackageArn=SEED), None)
    assert len({answer["PhysicalResourceId"] for _, answer in answers}) == 1


def test_deletion_removes_both_and_may_be_repeated(ssm: Any, answers: list[Any]) -> None:
    functions.handler(_request("Create", PackageArn=SEED), None)
    for _ in range(2):
        functions.handler(_request("Delete"), None)
    assert _values(ssm) == {}
    assert [answer["Status"] for _, answer in answers] == ["SUCCESS"] * 3


def test_every_failure_is_answered_with_its_reason(
    ssm: Any, answers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.handler(_request("Create"), None)
    monkeypatch.delenv("MILLRACE_CHAMPION_PARAMETER")
    functions.handler(_request("Create", PackageArn=SEED), None)
    first, second = (answer for _, answer in answers)
    assert (first["Status"], second["Status"]) == ("FAILED", "FAILED")
    assert "PackageArn is missing" in first["Reason"]
    assert "MILLRACE_CHAMPION_PARAMETER is missing" in second["Reason"]


def test_a_reason_stays_below_cloudformations_limit() -> None:
    answer = document(_request("Create"), "id", {}, "x" * 9000)
    assert len(answer["Reason"]) == REASON_CHARACTERS
    assert len(json.dumps(answer)) < 4096


class _Bucket(BaseHTTPRequestHandler):
    """Refuses the first PUT, as a busy service does, and keeps the second."""

    received: ClassVar[list[tuple[str | None, dict[str, Any]]]] = []
    refusals = 1

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).refusals:
            type(self).refusals -= 1
            self.send_error(503)
            return
        type(self).received.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output quiet."""


def test_an_answer_is_put_without_content_type_and_tried_again() -> None:
    _Bucket.received, _Bucket.refusals = [], 1
    with HTTPServer(("127.0.0.1", 0), _Bucket) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/answer"
        send(url, {"Status": "SUCCESS"}, pause_seconds=0)
        _Bucket.refusals = 100
        with pytest.raises(urllib.error.HTTPError):
            send(url, {"Status": "SUCCESS"}, pause_seconds=0)
        server.shutdown()
        thread.join()
    assert _Bucket.received == [("", {"Status": "SUCCESS"})]
