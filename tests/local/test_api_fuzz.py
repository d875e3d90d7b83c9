"""The deployed API under fuzzing: always answered, never with a 5xx, nothing past its gate.

Whatever is sent, the answer has our shape and headers and quotes nothing classified; the endpoint
was asked exactly once for each answer that holds a probability; and what is answered is what the
contract's validator says, in its words, once the gateway has seen a JSON object.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core import names
from tests.support.api_fuzz import CANARY, CLASSIFIED, JSON_HEADERS, FuzzedApi
from tests.support.api_fuzz_fixtures import EVENT, api, deployed_api, fuzzed
from tests.support.api_fuzz_fixtures import EXAMPLE as RECORD
from tests.support.api_fuzz_strategies import (
    CODINGS,
    CONTENT_TYPES,
    JUNK,
    spoiled_records,
    valid_records,
)

__all__ = ["api", "deployed_api"]

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

VALID, SPOILED = valid_records(EVENT), spoiled_records(EVENT)
ONE, MANY, HEALTH = (
    f"/flights{route}" for route in (names.ROUTE_PREDICTIONS, names.ROUTE_BATCH, names.ROUTE_HEALTH)
)
EXAMPLE = json.dumps(RECORD).encode()
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def _body(case: schemathesis.Case, base_url: str) -> requests.PreparedRequest:
    """The case as it would be sent; the classified field, where it is text, holds the canary."""
    if isinstance(case.body, dict) and isinstance(case.body.get(CLASSIFIED), str):
        case.body[CLASSIFIED] = CANARY
    return requests.Request(**case.as_transport_kwargs(base_url=base_url)).prepare()


@pytest.mark.parametrize(("method", "route", "mode"), [
    ("POST", ONE, GenerationMode.POSITIVE), ("POST", ONE, GenerationMode.NEGATIVE),
    ("POST", MANY, GenerationMode.POSITIVE), ("POST", MANY, GenerationMode.NEGATIVE),
    ("GET", HEALTH, GenerationMode.POSITIVE),
])  # fmt: skip
def test_the_description_holds(
    api: FuzzedApi, method: str, route: str, mode: GenerationMode
) -> None:
    """Schemathesis, by the OpenAPI document that is made from the deployed template."""
    description = copy.deepcopy(api.openapi)
    for path in description["paths"].values():
        for operation in path.values():
            # The signature is ours to give: generated ones are another test's business.
            del operation["security"]
    operation = schemathesis.openapi.from_dict(description)[route][method]

    @fuzzed(80 if method == "POST" else 20)
    @given(operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        sent = _body(case, api.url)
        content = sent.body or b""
        body = content.encode() if isinstance(content, str) else content
        own = {"content-length", "cookie"}
        headers = [(n, v) for n, v in sent.headers.items() if n.lower() not in own]
        answer = api.send(str(sent.method), f"{route}", body, headers)
        case.validate_response(
            schemathesis.Response(
                answer.status, {n: [v] for n, v in answer.headers.items()}, answer.content,
                sent, 0.1, verify=True,
            ),
            checks=CHECKS,
        )  # fmt: skip
        variant = (case.headers or {}).get(names.VARIANT_HEADER, "")
        if route == ONE and case.media_type == "application/json" and variant in names.VARIANTS:
            api.check_record(answer, body)

    run()


def test_every_valid_record_is_answered(api: FuzzedApi) -> None:
    @fuzzed(120)
    @given(VALID)
    def run(record: dict[str, Any]) -> None:
        assert api.send("POST", ONE, json.dumps(record).encode()).status == 200

    run()


def test_a_spoiled_record_stops_where_the_contract_says(api: FuzzedApi) -> None:
    @fuzzed(400)
    @given(SPOILED)
    def run(text: str) -> None:
        body = text.encode("utf-8", "surrogatepass")
        api.check_record(api.send("POST", ONE, body), body)

    run()


def test_a_spoiled_record_leaves_its_neighbours_answered(api: FuzzedApi) -> None:
    record = VALID.map(json.dumps) | SPOILED | JUNK.map(json.dumps)

    @fuzzed(150)
    @given(st.lists(record, max_size=6))
    def run(texts: list[str]) -> None:
        records = [text.encode("utf-8", "surrogatepass") for text in texts]
        body = b'{"records": [' + b", ".join(records) + b"]}"
        api.check_batch(api.send("POST", MANY, body), body, records)

    run()


@pytest.mark.parametrize("envelope", [
    "null", "[]", "{}", '"records"', '{"records": null}', '{"records": {}}', '{"records": []}',
    '{"Records": [1]}', '{"records": [1], "records": [2]}', '{"records": [1], "more": 1}',
    '{"records": "1"}', '{"records": 1e400}', '{"records": [1]} {"records": [1]}',
    f'{{"records": [1{",1" * 100}]}}', f'{{"records": [1], "records": [1{",1" * 100}]}}',
])  # fmt: skip
def test_no_other_envelope_passes(api: FuzzedApi, envelope: str) -> None:
    assert api.send("POST", MANY, envelope.encode()).status in (400, 413)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("declared", [True, False])
def test_no_other_encoding_passes(api: FuzzedApi, coding: str, declared: bool) -> None:
    encoded = (("Content-Encoding", coding.replace(" ", "-")),) if declared else ()
    for route, body in ((ONE, EXAMPLE), (MANY, b'{"records": [' + EXAMPLE + b"]}")):
        answer = api.send("POST", route, CODINGS[coding](body), (*JSON_HEADERS, *encoded))
        assert answer.status in (400, 415), (coding, answer)
        assert (
            not declared or api.send("POST", route, body, (*JSON_HEADERS, *encoded)).status == 415
        )


def test_a_byte_order_mark_before_a_body_changes_nothing(api: FuzzedApi) -> None:
    for route, body in ((ONE, EXAMPLE), (MANY, b'{"records": [' + EXAMPLE + b"]}")):
        assert api.send("POST", route, b"\xef\xbb\xbf" + body).status == 200


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=str)
def test_content_types_but_json_are_refused(api: FuzzedApi, content_type: str | None) -> None:
    headers = () if content_type is None else (("Content-Type", content_type),)
    expected = 200 if CONTENT_TYPES[content_type] else 415
    assert api.send("POST", ONE, EXAMPLE, headers).status == expected
    # The model is asked whatever the type: what it refuses reaches no code.
    wrong = api.send("POST", ONE, b"[1]", headers)
    assert (wrong.status, wrong.error["code"]) == (400, "invalid_body")


WRONG = [
    {"distance_miles": "far"}, {"flight_id": 1}, {"delay": 3}, {"carrier": "Ä"}, {"origin": None},
    {CLASSIFIED: CANARY.lower()}, {CLASSIFIED: 7}, {"scheduled_departure": "2013-02-30T00:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_both_routes_give_one_answer_for_one_fault(api: FuzzedApi, wrong: dict[str, Any]) -> None:
    record = RECORD | wrong
    alone = api.send("POST", ONE, json.dumps(record).encode())
    (among,) = json.loads(
        api.send("POST", MANY, json.dumps({"records": [record]}).encode()).content
    )["predictions"]
    assert (alone.status, alone.error) == (400, among["error"])
    assert alone.error["field"] == next(iter(wrong))
    assert "allowed" in alone.error["message"] or alone.error["code"] in (
        "unknown_field",
        "missing",
    )


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2, 16 * 1024, 1024 * 1024, 11 * 1024 * 1024])
def test_the_size_of_a_body_is_limited(api: FuzzedApi, beyond: int) -> None:
    size = api.deployment.settings.api.body_kilobytes * 1024 + beyond
    too_large = beyond > 0
    for route, body in ((ONE, EXAMPLE), (MANY, b'{"records": [' + EXAMPLE + b"]}")):
        padded = body + b" " * (size - len(body))
        assert api.send("POST", route, padded).status == (413 if too_large else 200)
    long = EXAMPLE.replace(b'"UA"', b'"' + b"U" * (size - len(EXAMPLE) + 2) + b'"')
    assert len(long) == size
    assert api.send("POST", ONE, long).status == (413 if too_large else 400)
