"""Verbs, paths, headers and signatures under fuzzing: only what is meant to pass does."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from core import names
from tests.support.api_fuzz import JSON_HEADERS, FuzzedApi
from tests.support.api_fuzz_fixtures import EXAMPLE as RECORD
from tests.support.api_fuzz_fixtures import api, deployed_api, fuzzed
from tests.support.api_fuzz_strategies import PATHS, VERBS

__all__ = ["api", "deployed_api"]

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

ONE, MANY, HEALTH = (
    f"/flights{route}" for route in (names.ROUTE_PREDICTIONS, names.ROUTE_BATCH, names.ROUTE_HEALTH)
)
EXAMPLE = json.dumps(RECORD).encode()
Signer = Callable[[AWSRequest, Credentials, str], None]


def test_only_the_routes_answer(api: FuzzedApi) -> None:
    path = st.sampled_from((*PATHS, *(f"/flights{path}" for path in PATHS), ONE, MANY, HEALTH))

    @fuzzed(250)
    @given(st.sampled_from(VERBS), path, st.sampled_from([EXAMPLE, b"", b"{}"]))
    def run(verb: str, path: str, body: bytes) -> None:
        answer = api.send(verb, path, body)
        # Slashes at the end and double ones, escaped or not, make no other resource of it.
        parts = unquote(path.partition("?")[0], "latin-1").split("/")
        resource = "/" + "/".join(part for part in parts if part)
        meant = {"GET": HEALTH, "POST": ONE}.get(verb) == resource
        assert answer.status != 200 or meant, (verb, path, answer)
        assert not 200 < answer.status < 400

    run()


def test_the_variant_is_one_of_two_words(api: FuzzedApi) -> None:
    text = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=30)
    odd = st.sampled_from(
        ["CHAMPION", "champion,challenger", "champion;", "champion\t", "x" * 8000]
    )

    @fuzzed(120)
    @given(st.sampled_from([*names.VARIANTS, ""]) | text | odd)
    def run(value: str) -> None:
        header = (names.VARIANT_HEADER, value.encode("latin-1"))
        answer = api.send("POST", ONE, EXAMPLE, (*JSON_HEADERS, header))
        allowed = value.strip(" \t") in (*names.VARIANTS, "")
        assert answer.status == (200 if allowed else 400), (value, answer)

    run()


@pytest.mark.parametrize("first", names.VARIANTS)
def test_a_second_variant_is_not_chosen_from(api: FuzzedApi, first: str) -> None:
    both = [(names.VARIANT_HEADER, first), (names.VARIANT_HEADER, "x")]
    assert api.send("POST", ONE, EXAMPLE, [*JSON_HEADERS, *both]).status == 400


@pytest.mark.parametrize("value", [
    "a\rb", "a\nb", "champion\r\n\r\nGET /health HTTP/1.1", "champion\x00", "\x0b", "x" * 20_000,
])  # fmt: skip
def test_a_header_cannot_hold_another_line(api: FuzzedApi, value: str) -> None:
    """Sent as raw bytes: what the server itself refuses gets no answer of ours, but never a 200."""
    info = api.platform.info
    assert info is not None
    url = api.url + ONE
    request = AWSRequest("POST", url, data=EXAMPLE)
    auth.SigV4Auth(
        Credentials(info.access_key_id, info.secret_access_key), "execute-api", info.region
    ).add_auth(request)
    sent = {
        names.VARIANT_HEADER: value, **dict(request.headers.items()), **dict(JSON_HEADERS),
        "Host": f"localhost:{info.port}", "Content-Length": str(len(EXAMPLE)),
        "Connection": "close",
    }  # fmt: skip
    head = f"POST {urlsplit(url).path} HTTP/1.1\r\n" + "".join(
        f"{name}: {content}\r\n" for name, content in sent.items()
    )
    context = ssl.create_default_context(cafile=info.certificate)
    with (
        socket.create_connection(("localhost", info.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(head.encode("latin-1") + b"\r\n" + EXAMPLE)
        response = HTTPResponse(connection)
        response.begin()
        assert 400 <= response.status < 500


# -- signatures ---------------------------------------------------------------------------------


def _signed(*edits: tuple[str, str], whole: str | None = None, **other: str) -> Signer:
    """A signer with other credentials or scope, whose header is then edited or replaced."""

    def sign(request: AWSRequest, keys: Credentials, region: str) -> None:
        made = Credentials(
            other.get("access", keys.access_key),
            other.get("secret", keys.secret_key),
            other.get("token"),
        )
        scope = (other.get("service", "execute-api"), other.get("region", region))
        auth.SigV4Auth(made, *scope).add_auth(request)
        header = request.headers["Authorization"]
        for old, new in edits:
            assert old in header
            header = header.replace(old, new)
        del request.headers["Authorization"]
        request.headers["Authorization"] = header if whole is None else whole

    return sign


@pytest.mark.parametrize("signer", [
    None,
    _signed(secret="x" * 40), _signed(access="AKIA" + "Z" * 16),
    _signed(service="s3"), _signed(region="us-east-1"),
    _signed(("Signature=", "Signature=0")), _signed(("SHA256", "SHA1")),
    _signed(("SignedHeaders=host;x-amz-date", "SignedHeaders=host")),
    _signed(("aws4_request", "aws4")), _signed(("Credential=", "Credential=/")),
    _signed(whole="AWS4-HMAC-SHA256"), _signed(whole=""), _signed(whole="Bearer x"),
    _signed(whole="Basic YTpi"), _signed(whole="A" * 6000), _signed(whole="\x7f\xff"),
    _signed(whole="AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature="),
])  # fmt: skip
def test_no_other_signature_passes(api: FuzzedApi, signer: Signer | None) -> None:
    for method, route, body in (("POST", ONE, EXAMPLE), ("GET", HEALTH, b"")):
        assert api.send(method, route, body, signer=signer).status == 403


def test_a_signature_is_for_one_body(api: FuzzedApi) -> None:
    other = EXAMPLE.replace(b"EWR", b"JFK")
    assert api.send("POST", ONE, EXAMPLE, signed_body=other).status == 403
    assert api.send("POST", ONE, EXAMPLE, signed_body=b"").status == 403


@pytest.mark.parametrize(("method", "route", "query"), [
    ("GET", ONE, ""), ("POST", MANY, ""), ("POST", ONE, "?a=b"),
])  # fmt: skip
def test_a_signature_is_for_one_method_and_path(
    api: FuzzedApi, method: str, route: str, query: str
) -> None:
    def sign(request: AWSRequest, keys: Credentials, region: str) -> None:
        request.method, request.url = method, api.url + route + query
        auth.SigV4Auth(keys, "execute-api", region).add_auth(request)

    assert api.send("POST", ONE, EXAMPLE, signer=sign).status == 403


@pytest.mark.parametrize("minutes", [-60 * 24, -20, 20, 60 * 24 * 365])
def test_a_signature_is_for_its_time(
    api: FuzzedApi, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_: moment)
    assert api.send("POST", ONE, EXAMPLE).status == 403


@pytest.mark.parametrize("query", [
    "X-Amz-Signature=x", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Signature=x",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=NaN&X-Amz-Date=x&X-Amz-Credential=a/b/c/d/e",
])  # fmt: skip
def test_no_broken_query_signature_passes(api: FuzzedApi, query: str) -> None:
    assert api.send("POST", f"{ONE}?{query}", EXAMPLE, signer=None).status == 403


def test_nothing_else_in_a_request_counts(api: FuzzedApi) -> None:
    """Headers by which proxies and frameworks are led astray change nothing."""
    astray: Any = [
        ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/admin"), ("X-Rewrite-URL", "/"),
        ("X-Forwarded-For", "10.0.0.1, x"), ("X-Forwarded-Host", "a.b"), ("Range", "bytes=0-1"),
        ("X-Amz-Invocation-Type", "Event"), ("X-Amz-Target", "SageMaker.CreateModel"),
        ("Cookie", "a=b"), ("Expect", ""), ("Accept", "text/html"), ("Accept-Encoding", "gzip"),
        ("X-Amzn-Trace-Id", "x" * 500), ("If-None-Match", "*"), ("Origin", "https://example.com"),
    ]  # fmt: skip
    for header in astray:
        answer = api.send("POST", ONE, EXAMPLE, (*JSON_HEADERS, header))
        assert answer.status == 200, (header, answer)
        assert "access-control-allow-origin" not in answer.headers
