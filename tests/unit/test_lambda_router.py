"""The router: statuses, the order of answers, and what the endpoint and logs get to see."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.records import pseudonym, pseudonymiser
from lambdas.router import handler as functions
from lambdas.router.failover import (
    AVOIDED_SECONDS,
)
from lambdas.router.http import BODY_BYTES
from lambdas.router.logic import Router
from tests.support.records import DEPARTURE, KEY
from tests.support.router import (
    Clock,
    Runtime,
    an_event,
    call_router,
    clock,
    deployed,
    failover,
    failure,
    runtime,
)

__all__ = ["clock", "deployed", "failover", "runtime"]

CANARY = "N7CANARY77"
GATEWAY_SECONDS = 29
# A new container imports, and derives the key of the pseudonyms.
START_SECONDS = 5


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(functions.logger.registered_handler, "stream", stream)
    return stream


def test_one_record_is_scored_with_its_pseudonym(runtime: Runtime) -> None:
    status, body = call_router(an_event(DEPARTURE))
    assert (status, body) == (
        200,
        {
            "record_id": DEPARTURE["flight_id"],
            "probability": 0.1545,
            "variant": "champion",
            "failed_over": False,
            "inference_id": "request-1",
        },
    )
    call = runtime.calls[0]
    sent = json.loads(call["Body"])["instances"][0]
    assert sent["tail_number"] == pseudonym("N14228", KEY)
    assert "N14228" not in call["Body"].decode()
    assert call["InferenceId"] == "request-1"
    assert "TargetVariant" not in call


def test_the_header_chooses_the_variant_in_any_case(runtime: Runtime) -> None:
    status, body = call_router(an_event(DEPARTURE, **{"x-millrace-VARIANT": "challenger"}))
    assert (status, body["variant"]) == (200, "challenger")
    assert runtime.calls[0]["TargetVariant"] == "challenger"
    status, body = call_router(an_event(DEPARTURE, **{"X-Millrace-Variant": "newest"}))
    assert (status, body["error"]["code"]) == (400, "not_allowed")


def test_a_batch_answers_in_order_with_errors_in_place(runtime: Runtime) -> None:
    records = [
        DEPARTURE | {"flight_number": 1},
        DEPARTURE | {"origin": "BOS"},
        DEPARTURE | {"flight_number": 3},
    ]
    status, body = call_router(an_event({"records": records}, "/predictions/batch"))
    assert status == 200
    first, second, third = body["predictions"]
    assert (first["probability"], third["probability"]) == (0.0001, 0.0003)
    assert second["record_id"] == DEPARTURE["flight_id"]
    assert (second["error"]["code"], second["error"]["field"]) == ("not_allowed", "origin")
    assert (body["variant"], body["inference_id"]) == ("champion", "request-1")
    assert len(runtime.calls) == 1


def test_a_batch_of_broken_records_never_reaches_the_endpoint(runtime: Runtime) -> None:
    text = '{"records": [5, {"flight_id": NaN}, {"carrier": "UA", "carrier": "B6"}]}'
    status, body = call_router(an_event(text, "/predictions/batch"))
    assert status == 200
    codes = [one["error"]["code"] for one in body["predictions"]]
    assert codes == ["not_object", "not_json", "not_json"]
    assert body["variant"] is None
    assert runtime.calls == []


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        ("", "/predictions", (400, "not_json", None)),
        ("{", "/predictions", (400, "not_json", None)),
        ("\ud800", "/predictions", (400, "not_json", None)),
        ("[" * 60_000, "/predictions", (400, "not_json", None)),
        ('{"records":' * 5_000, "/predictions/batch", (400, "not_json", None)),
        ([], "/predictions", (400, "not_object", None)),
        ({}, "/predictions", (400, "missing", "flight_id")),
        (DEPARTURE | {"delay": 3}, "/predictions", (400, "unknown_field", "delay")),
        ("x" * (BODY_BYTES + 1), "/predictions", (413, "too_large", None)),
        ({"records": [DEPARTURE] * 4}, "/predictions/batch", (413, "too_many", "records")),
        ({"records": []}, "/predictions/batch", (400, "out_of_range", "records")),
        ({"records": {}}, "/predictions/batch", (400, "wrong_type", "records")),
        ({}, "/predictions/batch", (400, "missing", "records")),
        ([], "/predictions/batch", (400, "not_object", None)),
        ({"records": [1], "more": 1}, "/predictions/batch", (400, "unknown_field", None)),
        ('{"records": [1], "records": [2]}', "/predictions/batch", (400, "not_json", None)),
        ({}, "/other", (404, "not_found", None)),
        ({}, "/health", (405, "method_not_allowed", None)),
    ],
)
def test_bad_requests_get_status_code_and_field(
    runtime: Runtime, body: Any, path: str, expected: tuple[int, str, str | None]
) -> None:
    status, content = call_router(an_event(body, path))
    assert (status, content["error"]["code"], content["error"]["field"]) == expected
    assert content["error"]["message"]
    assert runtime.calls == []


@pytest.mark.parametrize("media_type", [
    "text/plain", "", "application/xml", "application/jsonp", "application/json, text/plain",
    "application/json; charset=utf-16", "application/json; charset=utf-7; charset=utf-8",
    "application/json; charset", "application/json; charset = utf-8",
])  # fmt: skip
def test_other_content_types_are_refused(media_type: str) -> None:
    event = an_event(DEPARTURE)
    event["headers"] = {"content-type": media_type} if media_type else {}
    assert call_router(event)[0] == 415


def test_a_charset_and_base64_bodies_are_fine() -> None:
    event = an_event(DEPARTURE)
    event["headers"] = {"CONTENT-TYPE": "Application/JSON; charset=utf-8"}
    event["body"] = base64.b64encode(event["body"].encode()).decode()
    event["isBase64Encoded"] = True
    assert call_router(event)[0] == 200


@pytest.mark.parametrize(("coding", "status"), [
    ("gzip", 415), ("br", 415), ("identity, gzip", 415), ("", 415), ("Identity", 200),
])  # fmt: skip
def test_a_body_is_read_as_it_is_or_not_at_all(coding: str, status: int) -> None:
    """WAF and the gateway saw these bytes, not what they would be decoded to."""
    assert call_router(an_event(DEPARTURE, **{"content-ENCODING": coding}))[0] == status


def test_the_matched_resource_counts_where_a_custom_domain_changes_the_path() -> None:
    event = an_event(DEPARTURE, path="/flights/v1/predictions")
    assert call_router({**event, "resource": "/flights/predictions"})[0] == 200
    assert call_router({**event, "resource": "/{proxy+}"})[0] == 404


def test_health_names_the_contract() -> None:
    status, body = call_router(
        {"httpMethod": "GET", "path": "/flights/health", "body": None, "headers": None}
    )
    assert (status, body["contract"]) == (200, {"name": "flights", "version": "1.0.0"})


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (failure("ModelError", "Received server error (500)"), 503),
        (failure("ModelError", "Received client error (400)", OriginalStatusCode=400), 502),
        (failure("ThrottlingException"), 503),
        (failure("ServiceUnavailable"), 503),
        (failure("ModelNotReadyException"), 503),
        (failure("ValidationError", "Endpoint flights-dev of account 1 not found."), 503),
        (failure("AccessDeniedException", "arn:aws:iam::1:role/secret-role may not"), 502),
        (EndpointConnectionError(endpoint_url="https://internal"), 503),
        (RuntimeError(f"unexpected {CANARY}"), 500),
    ],
)
def test_failures_of_the_endpoint_show_no_internals(
    runtime: Runtime, log: io.StringIO, failure: Exception, status: int
) -> None:
    runtime.failure = failure
    response = functions.handler(an_event(DEPARTURE | {"tail_number": CANARY}), object())
    assert response["statusCode"] == status
    assert ("Retry-After" in response["headers"]) == (status == 503)
    shown = response["body"] + log.getvalue()
    for internal in ("Traceback", "arn:aws", "internal\\u", "https://", CANARY, "flights-dev"):
        assert internal not in shown


def test_a_variant_that_the_endpoint_lacks_is_the_callers_mistake(runtime: Runtime) -> None:
    runtime.failure = failure("ValidationError", "Variant challenger not found for Request")
    assert call_router(an_event(DEPARTURE, **{"X-Millrace-Variant": "challenger"}))[0] == 400
    assert call_router(an_event(DEPARTURE))[0] == 503


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"predictions": []}',
        b'{"predictions": [{"probability": NaN}]}',
        b'{"predictions": [{"probability": null}]}',
        b'{"predictions": [{"probability": 0.1}, {"probability": 0.2}]}',
    ],
)
def test_an_answer_that_does_not_fit_the_request_is_a_model_error(
    runtime: Runtime, body: bytes
) -> None:
    runtime.body = body or b" "
    status, content = call_router(an_event(DEPARTURE, **{"X-Millrace-Variant": "champion"}))
    assert (status, content["error"]["code"]) == (502, "model_error")
    status, content = call_router(an_event(DEPARTURE))
    assert (status, content["error"]["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("chosen", "dead", "answered"),
    [
        ("champion", {"champion"}, "challenger"),
        ("challenger", {"challenger"}, "champion"),
    ],
)
def test_the_other_variant_answers_for_a_dead_one_and_the_answer_says_so(
    runtime: Runtime, chosen: str, dead: set[str], answered: str
) -> None:
    runtime.chosen, runtime.dead = chosen, dead
    status, body = call_router(an_event(DEPARTURE))
    assert (status, body["variant"], body["failed_over"]) == (200, answered, True)
    status, body = call_router(an_event({"records": [DEPARTURE]}, "/predictions/batch"))
    assert (status, body["variant"], body["failed_over"]) == (200, answered, True)


def test_a_variant_that_is_asked_for_is_the_only_one_that_answers(runtime: Runtime) -> None:
    runtime.dead = {"challenger"}
    status, body = call_router(an_event(DEPARTURE, **{"X-Millrace-Variant": "challenger"}))
    assert (status, body["error"]["code"]) == (502, "model_error")
    assert {call["TargetVariant"] for call in runtime.calls} == {"challenger"}


def test_all_variants_dead_is_503(runtime: Runtime) -> None:
    runtime.dead = {"champion", "challenger"}
    status, body = call_router(an_event(DEPARTURE))
    assert (status, body["error"]["code"]) == (503, "unavailable")
    assert [call.get("TargetVariant") for call in runtime.calls] == [None, "champion", "challenger"]


ONE = pytest.mark.parametrize("failover", ["champion"], indirect=True)


@ONE
def test_a_single_variant_has_the_time_of_one_call_and_is_not_asked_again_when_it_hangs(
    runtime: Runtime,
) -> None:
    runtime.hung = {"champion"}
    assert call_router(an_event(DEPARTURE))[0] == 503
    assert runtime.asked() == [""]
    assert runtime.last
    runtime.hung, runtime.dead = set(), {"champion"}
    assert call_router(an_event(DEPARTURE))[0] == 503
    assert runtime.asked() == ["", "champion"]


def test_a_hanging_champion_costs_one_call_and_then_none_until_it_may_be_back(
    runtime: Runtime, clock: Clock
) -> None:
    runtime.hung = {"champion"}

    def asked() -> list[str]:
        status, body = call_router(an_event(DEPARTURE))
        assert (status, body["variant"], body["failed_over"]) == (200, "challenger", True)
        return runtime.asked()

    assert asked() == ["", "challenger"]
    assert asked() == ["challenger"]
    clock.now += AVOIDED_SECONDS - 1
    assert asked() == ["challenger"]
    clock.now += 1
    assert asked() == ["", "challenger"]
    clock.now += AVOIDED_SECONDS
    runtime.hung = set()
    _, body = call_router(an_event(DEPARTURE))
    assert (body["variant"], body["failed_over"], runtime.asked()) == ("champion", False, [""])


def test_a_hanging_challenger_is_found_by_name_and_suspected_first_the_next_time(
    runtime: Runtime, clock: Clock
) -> None:
    runtime.chosen, runtime.hung = "challenger", {"challenger"}

    def asked() -> list[str]:
        assert call_router(an_event(DEPARTURE))[1]["variant"] == "champion"
        return runtime.asked()

    assert asked() == ["", "challenger", "champion"]
    assert asked() == ["champion"]
    clock.now += AVOIDED_SECONDS
    assert asked() == ["", "champion"]


def test_a_variant_that_only_fails_is_not_left_out(runtime: Runtime) -> None:
    runtime.dead = {"champion"}
    for _ in range(2):
        assert call_router(an_event(DEPARTURE))[1]["variant"] == "challenger"
        assert runtime.asked() == ["", "champion", "challenger"]


def test_a_named_variant_that_hangs_is_asked_once(runtime: Runtime) -> None:
    runtime.hung = {"challenger"}
    status, body = call_router(an_event(DEPARTURE, **{"X-Millrace-Variant": "challenger"}))
    assert (status, body["error"]["code"], runtime.asked()) == (503, "unavailable", ["challenger"])


def test_a_variant_that_is_gone_while_the_other_is_left_out_is_not_the_callers_mistake(
    runtime: Runtime,
) -> None:
    runtime.hung = {"champion"}
    call_router(an_event(DEPARTURE))
    runtime.failure = failure("ValidationError", "Variant challenger not found for Request")
    assert call_router(an_event(DEPARTURE))[0] == 503


@pytest.mark.parametrize("failover", ["champion", "champion,challenger"], indirect=True)
@pytest.mark.parametrize("chosen", ["champion", "challenger"])
@pytest.mark.parametrize("header", [{}, {"X-Millrace-Variant": "champion"}], ids=["", "named"])
@pytest.mark.parametrize("before", [set(), {"champion"}, {"challenger"}], ids=str)
def test_whatever_hangs_the_calls_end_before_the_gateway_gives_up(
    runtime: Runtime, chosen: str, header: dict[str, str], before: set[str]
) -> None:
    runtime.chosen, runtime.hung = chosen, before
    call_router(an_event(DEPARTURE))
    runtime.hung, runtime.seconds = {"champion", "challenger"}, 0.0
    assert call_router(an_event(DEPARTURE, **header))[0] == 503
    assert 0 < runtime.seconds <= GATEWAY_SECONDS - START_SECONDS


def test_a_call_is_made_once_by_its_client() -> None:
    assert functions.call_settings(1).retries == {"total_max_attempts": 1, "mode": "standard"}


def test_while_off_predictions_answer_503_and_health_200(
    flights_contract: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    off = Router(
        contract=flights_contract,  # type: ignore[arg-type]
        batch_records=3,
        pseudonymiser=lambda: pseudonymiser(KEY),
        score=None,
    )
    monkeypatch.setattr(functions, "_router", lambda: off)
    response = functions.handler(an_event(DEPARTURE), object())
    assert response["statusCode"] == 503
    assert int(response["headers"]["Retry-After"]) > 0
    assert call_router(an_event("", "/health", "GET"))[0] == 200


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/predictions", "/predictions/batch", "/health", "/"]),
    st.sampled_from(["POST", "GET", "DELETE", ""]),
    st.text(max_size=40)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["records", *DEPARTURE]), inner, max_size=3)
        ),
        max_leaves=6,
    ).map(json.dumps),
)
def test_every_request_is_answered(path: str, method: str, body: str) -> None:
    status, content = call_router(an_event(body, path, method))
    assert status in (200, 400, 404, 405)
    assert status == 200 or content["error"]["code"]


@pytest.mark.parametrize("classified", [CANARY.lower(), [CANARY], {"x": CANARY}, CANARY * 3])
def test_no_answer_and_no_log_holds_a_classified_value(
    log: io.StringIO, classified: object
) -> None:
    record = DEPARTURE | {"tail_number": classified}
    for event in (an_event(record), an_event({"records": [record]}, "/predictions/batch")):
        body = functions.handler(event, object())["body"]
        assert "tail_number" in body
        assert "canary" not in (body + log.getvalue()).lower()
