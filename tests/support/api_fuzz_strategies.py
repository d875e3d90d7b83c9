"""What the API is fuzzed with: records by the contract, what is wrong with them, and around them.

A record is drawn as JSON text, not as values: duplicate keys, numbers that no float holds and
tokens that are not JSON can only be written.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from core.checks import portable_pattern
from tests.support.api_fuzz import CANARY, CLASSIFIED

TIME = "%Y-%m-%dT%H:%M:%SZ"
MARK = "@@"
# As they stand in a body, which json.dumps would not write.
TOKENS = (
    "1e400", "-1e400", "1E+999999999", "NaN", "Infinity", "-Infinity", "1" * 400, "-0", "-0.0",
    "1" * 4301, "0.1e-400", "01", "+1", ".5", "1.", "0x10", "1_000", "'a'", "undefined", "[" * 200,
    '"\\ud800"', '"\\u0000"', '"\t"', "{}", '{"a":1,"a":2}', "[[[[[[1]]]]]]", "tru", "true", "null",
    "9007199254740993", "18446744073709551616", "2.0", "2.5", "-1", '""', '"' + "x" * 3000 + '"',
    '"2013-01-01T24:00:00Z"', '"2013-02-30T00:00:00Z"', '"2013-01-01T10:15:60Z"',
    '"2013-01-01T10:15:00Z\\n"', '"\uff12\uff10\uff11\uff13-01-01T10:15:00Z"', '"EWR "', '"ewr"',
    '"EWR\\n"',
)  # fmt: skip
SPOILED_CANARIES = (
    CANARY.lower(), CANARY * 3, [CANARY], {"x": CANARY}, f"{CANARY}\n", f" {CANARY}", f"{CANARY}é",
)  # fmt: skip


def _value(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the contract allows a field."""
    if field["name"] == CLASSIFIED:
        return st.just(CANARY)
    if "allowed" in field:
        return st.sampled_from(field["allowed"])
    if field["type"] in ("integer", "number"):
        numbers: Callable[..., st.SearchStrategy[Any]] = (
            st.integers if field["type"] == "integer" else st.floats
        )
        return numbers(field["minimum"], field["maximum"])
    low, high = field.get("min_length", 0), field.get("max_length", 60)
    found = st.from_regex(portable_pattern(field["pattern"]), fullmatch=True)
    return found.filter(lambda text: low <= len(text) <= high)


@st.composite
def valid_records(draw: st.DrawFn, event: dict[str, Any]) -> dict[str, Any]:
    """Records that keep the contract: an observation is never later than the event."""
    fields = {field["name"]: field for field in event["fields"]}
    bounds = [datetime.strptime(event[name], TIME) for name in ("earliest", "latest")]
    moment = draw(st.datetimes(*bounds)).replace(microsecond=0, tzinfo=UTC)
    observed = moment - timedelta(seconds=draw(st.integers(0, 7200)))
    times = {event["time_field"]: moment}
    times |= {field["observed_at"]: observed for field in fields.values() if "observed_at" in field}
    record: dict[str, Any] = {}
    for name, field in fields.items():
        if name in times:
            record[name] = times[name].strftime(TIME)
        elif field["required"] or draw(st.integers(0, 3)):
            record[name] = draw(_value(field))
        elif draw(st.booleans()):
            record[name] = None
    return dict(draw(st.permutations(sorted(record.items()))))


def text_of(record: dict[str, Any], tokens: dict[str, str]) -> str:
    """The record as JSON, with the tokens in place of their fields' values."""
    text = json.dumps(record | {name: f"{MARK}{name}" for name in tokens})
    for name, token in tokens.items():
        text = text.replace(f'"{MARK}{name}"', token)
    return text


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def spoiled_records(draw: st.DrawFn, event: dict[str, Any]) -> str:
    """JSON text of records of which something is, probably, wrong."""
    record = draw(valid_records(event))
    known = [field["name"] for field in event["fields"] if field["name"] != CLASSIFIED]
    name = draw(st.sampled_from(known))
    match draw(st.sampled_from(["token", "token", "junk", "less", "more", "twice", "secret"])):
        case "token":
            return text_of(record, {name: draw(st.sampled_from(TOKENS))})
        case "junk":
            return json.dumps(record | {name: draw(JUNK)})
        case "less":
            return json.dumps({key: value for key, value in record.items() if key != name})
        case "more":
            return json.dumps(record | {draw(st.text(max_size=70)): draw(JUNK)})
        case "twice":
            # Both orders: a gate that reads the first value must not admit the second, nor back.
            good, bad = json.dumps(record.get(name)), draw(st.sampled_from(TOKENS))
            pair = draw(st.permutations([good, bad]))
            rest = json.dumps({key: value for key, value in record.items() if key != name})
            return f'{{"{name}": {pair[0]}, {rest[1:-1]}, "{name}": {pair[1]}}}'
    return json.dumps(record | {CLASSIFIED: draw(st.sampled_from(SPOILED_CANARIES))})


# -- around a body ------------------------------------------------------------------------------

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "base64": base64.b64encode,
    "utf-16": lambda body: body.decode().encode("utf-16"),
    "utf-16-le": lambda body: body.decode().encode("utf-16-le"),
    "utf-32": lambda body: body.decode().encode("utf-32"),
    "two marks": lambda body: b"\xef\xbb\xbf" * 2 + body,
    "invalid byte": lambda body: body.replace(b"EWR", b"EW\xff").replace(b"_", b"\xc0\xaf"),
    "overlong quote": lambda body: body.replace(b'"', b"\xc0\xa2", 2),
    "nul": lambda body: body + b"\x00",
    "cut": lambda body: body[: len(body) // 2],
    "doubled": lambda body: body + body,
    "lines": lambda body: body + b"\n" + body,
    "comment": lambda body: b"/* */" + body,
    "text of it": lambda body: json.dumps(body.decode()).encode(),
    "list of it": lambda body: b"[" + body + b"]",
    "nothing": lambda _: b"",
    "deep": lambda _: b"[" * 30_000 + b"]" * 30_000,
    "deep record": lambda body: body[:-1] + b', "x": ' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    "form": lambda _: b"flight_id=1&carrier=UA",
}
# Whether it is JSON in UTF-8 as far as a Content-Type can say; None: no such header.
CONTENT_TYPES: dict[str | None, bool] = {
    "application/json": True,
    "Application/JSON": True,
    "application/json;charset=utf-8": True,
    'application/json; charset="UTF-8"': True,
    "application/json; charset=us-ascii": True,
    "application/json;": True,
    "application/json; charset=utf-16": False,
    "application/json; charset=iso-8859-1": False,
    "application/json; charset=utf-7; charset=utf-8": False,
    "application/json; charset=ibm037": False,
    "application/json, text/plain": False,
    "application/jsonp": False,
    "application/problem+json": False,
    "application/x-www-form-urlencoded": False,
    "multipart/form-data; boundary=x": False,
    "text/json": False,
    "text/plain": False,
    "*/*": False,
    "$default": False,
    ";": False,
    "": False,
    None: False,
}
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
PATHS = (
    "", "/", "/health/", "//health", "/health/x", "/health%00", "/health%2F", "/HEALTH",
    "/health.json", "/predictions/", "//predictions", "/predictions//batch",
    "/predictions%2Fbatch", "/predictions/..", "/x/../predictions", "/./predictions",
    "/predictions;x=1", "/predictions%20", "/predictions/batch/1", "/%2e%2e/v1/predictions",
    "/predictions?x=1", "/{proxy+}", "/%c0%af", "/%zz", "/_ministack/health", "/ping",
    "/invocations",
)  # fmt: skip
