"""Bodies that are no JSON, or nearly none, anywhere in them: a 400 on either route, never a 500."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator

import pytest

from lambdas.router import handler as functions
from tests.support.records import DEPARTURE
from tests.support.router import (
    Runtime,
    an_event,
    call_router,
    clock,
    deployed,
    failover,
    runtime,
)

__all__ = ["clock", "deployed", "failover", "runtime"]

NESTED = "[" * 400 + "]" * 400
DEEPER = "[" * 5000 + "]" * 5000
BROKEN_VALUES = {
    "nested": (NESTED, "wrong_type"),
    "nested object": ('{"a":' * 400 + "1" + "}" * 400, "wrong_type"),
    "key twice inside": ('{"a": 1, "a": 2}', "wrong_type"),
    "not a number": ("NaN", "not_json"),
    "infinite": ("-Infinity", "not_json"),
    "overflowing": ("1e400", None),
    "400 digits": ("9" * 400, "out_of_range"),
    "half a character": (r'"\ud800"', "wrong_type"),
    "null character": (r'"\u0000"', None),
}
BROKEN_BODIES = {
    "deeper": DEEPER,
    "deeper object": '{"a":' * 8000 + "1" + "}" * 8000,
    "never closed": "[" * 30_000,
    "5,000 digits": "9" * 5000,
    "two byte order marks": "\ufeff\ufeff{}",
    "two values": "{}{}",
    "single quotes": "{'a': 1}",
    "not closed": '{"a": "',
}


def _spoiled(field: str, text: str) -> str:
    return json.dumps(DEPARTURE | {field: "@"}).replace('"@"', text)


@pytest.mark.parametrize("field", ["carrier", "flight_number", "tail_number", "flight_id"])
@pytest.mark.parametrize("name", BROKEN_VALUES)
def test_a_value_that_is_none_is_refused_alike_on_both_routes(
    runtime: Runtime, name: str, field: str
) -> None:
    text, code = BROKEN_VALUES[name]
    record = _spoiled(field, text)
    status, alone = call_router(an_event(record))
    among_status, among = call_router(
        an_event(f'{{"records": [{record}, {json.dumps(DEPARTURE)}]}}', "/predictions/batch")
    )
    assert (status, among_status) == (400, 200)
    assert alone["error"] == among["predictions"][0]["error"]
    assert alone["error"]["field"] == field
    if code in ("not_json", None) or field == "flight_number":
        assert code is None or alone["error"]["code"] in (code, "wrong_type")
    else:
        assert alone["error"]["code"] == "wrong_type"
    assert among["predictions"][1]["probability"], "its neighbour is answered"


@pytest.fixture(params=[1000, 20_000])
def stack(request: pytest.FixtureRequest) -> Iterator[None]:
    """Libraries beside ours raise Python's limit, and newer versions have another one."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, request.param))
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("form", ["{}", '{{"records": {}}}', '{{"records": [{}]}}', '{{"a": {}}}'])
@pytest.mark.parametrize("name", BROKEN_BODIES)
@pytest.mark.parametrize("path", ["/predictions", "/predictions/batch"])
def test_what_is_not_json_is_a_400_wherever_it_stands(
    runtime: Runtime, name: str, form: str, path: str
) -> None:
    status, body = call_router(an_event(form.format(BROKEN_BODIES[name]), path))
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "not_json", None)
    assert body["error"]["message"].startswith("body ")
    assert runtime.calls == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_bytes_of_another_encoding_are_a_400(encoding: str) -> None:
    for path, form in (("/predictions", "{}"), ("/predictions/batch", '{{"records": [{}]}}')):
        body = form.format(json.dumps(DEPARTURE | {"carrier": "\xc4\xd6"}, ensure_ascii=False))
        event = an_event(base64.b64encode(body.encode(encoding)).decode(), path)
        status, answer = call_router(event | {"isBase64Encoded": True})
        assert (status, answer["error"]["code"]) == (400, "not_json")


@pytest.mark.parametrize(
    "body", ["%%", "\xc4\u6771", "\ud800", "====", "YQ", "YQ==YQ==", "YQ==\n", "Y Q==", "_-__"]
)
@pytest.mark.parametrize("path", ["/predictions", "/predictions/batch"])
def test_what_is_said_to_be_base64_and_is_none_is_a_400(
    runtime: Runtime, body: str, path: str
) -> None:
    status, answer = call_router(an_event(body, path) | {"isBase64Encoded": True})
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "not_json", None)
    assert answer["error"]["message"] == "body is not base64, which isBase64Encoded says it is"
    assert runtime.calls == []


@pytest.mark.parametrize("body", [None, "", {"a": 1}, ["a"], 1, True])
@pytest.mark.parametrize("encoded", [True, False, None])
def test_an_event_without_a_text_as_body_is_a_400(
    runtime: Runtime, body: object, encoded: bool | None
) -> None:
    status, answer = call_router(an_event("{}") | {"body": body, "isBase64Encoded": encoded})
    assert (status, answer["error"]["code"]) == (400, "not_json")
    assert runtime.calls == []


@pytest.mark.parametrize("encoded", [False, True])
def test_a_byte_order_mark_before_a_body_changes_nothing(runtime: Runtime, encoded: bool) -> None:
    for body, path in (
        (DEPARTURE, "/predictions"),
        ({"records": [DEPARTURE, {}]}, "/predictions/batch"),
        ({"records": []}, "/predictions/batch"),
    ):
        text = "\ufeff" + json.dumps(body)
        sent = base64.b64encode(text.encode()).decode() if encoded else text
        assert call_router(an_event(sent, path) | {"isBase64Encoded": encoded}) == call_router(
            an_event(body, path)
        )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\ufeffUA", r"\ufeffUA"),
        ("\xc4\u6771", "\xc4\u6771"),
        ("\u202eA", r"\u202eA"),
        ("\ud800", r"\ud800"),
        ("\0", r"\u0000"),
    ],
)
def test_letters_are_answered_as_they_are_and_what_does_not_print_is_escaped(
    value: str, shown: str
) -> None:
    for body, path in (
        (DEPARTURE | {"carrier": value}, "/predictions"),
        ({"records": [DEPARTURE | {"carrier": value}]}, "/predictions/batch"),
    ):
        response = functions.handler(an_event(body, path), object())
        text = response["body"].encode("utf-8").decode("utf-8")
        answer = json.loads(text)
        error = answer.get("error") or answer["predictions"][0]["error"]
        assert f'carrier is "{shown}"; allowed: ' in error["message"]
        assert value.isprintable() is (value in text)
