"""The project's serving code behind nginx's rules, gunicorn, Flask and the image's toolkit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.parsing import BYTE_ORDER_MARK
from local.services.sagemaker.server import ModelServer
from model_code.models import Model
from tests.support import models
from tests.support.containers import JSON, ask


def test_answers_are_json_in_the_order_of_the_request(served: ModelServer, trained: Path) -> None:
    records = models.events(20, 5)
    answer = ask(served, json.dumps({"instances": records}))
    document = json.loads(answer.body)
    assert (answer.status, answer.content_type) == (200, JSON)
    assert [one["record_id"] for one in document["predictions"]] == [
        record["flight_id"] for record in records
    ]
    probabilities = [one["probability"] for one in document["predictions"]]
    # Another version of XGBoost would show here: tests run on their own packages.
    assert probabilities == pytest.approx(Model(trained).predict(records), abs=1e-6)


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/json;",
    ],
)
def test_json_in_utf_8_is_taken(served: ModelServer, content_type: str) -> None:
    body = json.dumps({"instances": models.events(1, 5)})
    for sent in (body, f"{BYTE_ORDER_MARK}{body}"):
        assert ask(served, sent, content_type=content_type).status == 200


@pytest.mark.parametrize("accept", [JSON, "*/*", "text/csv", ""])
def test_the_answer_is_json_whatever_is_asked_for(served: ModelServer, accept: str) -> None:
    answer = ask(served, json.dumps({"instances": models.events(1, 5)}), accept=accept)
    assert (answer.status, answer.content_type) == (200, JSON)
    assert json.loads(answer.body)["predictions"]


# As deep as a parser still takes; to write it again takes more of the stack than to read it.
NESTED = b"[" * 900 + b"]" * 900
LATIN_1 = '{"instances": [{"carrier": "\xe9"}]}'.encode("latin-1")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", JSON, 400, "not_json"),
        (b"", JSON, 400, "not_json"),
        (b"[" * 20_000, JSON, 400, "not_json"),
        (b'{"instances": ' + b"[" * 20_000, JSON, 400, "not_json"),
        (b'{"a":' * 20_000, "application/json; charset=utf-8", 400, "not_json"),
        (LATIN_1, JSON, 400, "not_json"),
        (LATIN_1, "application/json; charset=utf-8", 400, "not_json"),
        (LATIN_1, "application/json; charset=iso-8859-1", 415, "content_type"),
        (b'{"instances": []}', "application/json; charset=utf-16", 415, "content_type"),
        (b"1,2", "text/csv", 415, "content_type"),
        (b"1,2", "application/octet-stream", 415, "content_type"),
        (b'{"instances": []}', JSON, 400, "out_of_range"),
        (b'{"instances": [' + b"{}," * 500 + b"{}]}", JSON, 400, "too_long"),
        (b'{"instances": [' + b"{}," * 9_000_000 + b"{}]}", JSON, 400, "too_long"),
        (b'{"instances": [{"temperature_f": "warm"}]}', JSON, 400, "wrong_type"),
        (b'{"instances": [{"temperature_f": 1' + b"0" * 400 + b"}]}", JSON, 400, "out_of_range"),
        (b'{"instances": [{"temperature_f": 1e400}]}', JSON, 400, "out_of_range"),
        (b'{"instances": [{"temperature_f": -1e39}]}', JSON, 400, "out_of_range"),
        (b'{"instances": [{"temperature_f": 1' + b"0" * 5000 + b"}]}", JSON, 400, "not_json"),
        (b'{"instances": [{"temperature_f": NaN}]}', JSON, 400, "not_json"),
        (b'{"instances": [{"temperature_f": -Infinity}]}', JSON, 400, "not_json"),
        (b'{"instances": [{"carrier": "AA", "carrier": "UA"}]}', JSON, 400, "not_json"),
        (b'{"instances": [], "instances": [{}]}', JSON, 400, "not_json"),
        (b'\xef\xbb\xbf\xef\xbb\xbf{"instances": [{}]}', JSON, 400, "not_json"),
        ('{"instances": [{}]}'.encode("utf-16"), JSON, 400, "not_json"),
        (b'{"instances": [{"carrier": ' + NESTED + b"}]}", JSON, 400, "wrong_type"),
        (b'{"instances": [{"temperature_f": ' + NESTED + b"}]}", JSON, 400, "wrong_type"),
        (b'{"instances": [{"flight_id": ' + NESTED + b"}]}", JSON, 400, "wrong_type"),
        (b'{"instances": [{"carrier": ' + b"[" * 20_000, JSON, 400, "not_json"),
        (b'{"instances": [' + NESTED + b"]}", JSON, 400, "missing"),
        (b'{"records": []}', JSON, 400, "missing"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_requests_get_the_error_document(
    served: ModelServer, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = ask(served, body, content_type=content_type)
    assert (answer.status, answer.content_type) == (status, JSON)
    assert json.loads(answer.body)["error"]["code"] == code


def test_a_bad_request_leaves_the_server_as_it_was(served: ModelServer) -> None:
    body = json.dumps({"instances": models.events(3, 5)})
    before = ask(served, body).body
    assert ask(served, b"[" * 20_000).status == 400
    assert ask(served, body).body == before
    assert served.restarts == 0


def test_a_full_batch_is_answered(served: ModelServer) -> None:
    answer = ask(served, json.dumps({"instances": models.events(500, 5)}))
    assert (answer.status, len(json.loads(answer.body)["predictions"])) == (200, 500)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("HEAD", "/ping", 200),
        ("POST", "/ping", 405),
        ("GET", "/invocations", 405),
        ("GET", "/execution-parameters", 404),
        ("GET", "/", 404),
        ("GET", "/models", 404),
        # nginx passes on what begins with a known path; Flask knows no such route.
        ("GET", "/pingpong", 404),
    ],
)
def test_only_ping_and_invocations_exist(
    served: ModelServer, method: str, path: str, status: int
) -> None:
    assert served.ask(method, path).status == status


def test_nginx_itself_answers_what_is_no_route_of_the_container(served: ModelServer) -> None:
    assert served.ask("GET", "/other").body == b"{}"
    assert b"<title>404 Not Found</title>" in served.ask("GET", "/pingpong").body
