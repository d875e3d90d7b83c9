"""The Firehose transformation: one result for each record, whatever the records hold."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from config.contract import compile_contract, read_contract
from core.records import compiled, pseudonym, pseudonymiser
from lambdas.shared import pseudonym_key
from lambdas.shared.environment import EnvironmentVariableError
from lambdas.transform import handler as functions
from lambdas.transform import logic
from tests.support.records import ARRIVAL, DEPARTURE, FLIGHTS, KEEP_SESSION, KEY

CONTRACT = compile_contract(read_contract(FLIGHTS))
EVENT, LABEL = CONTRACT["event"], CONTRACT["label"]
CANARY = "N7CANARY77"


def _record(number: int, raw: bytes) -> dict[str, Any]:
    return {
        "recordId": f"r{number}",
        "approximateArrivalTimestamp": 1_700_000_000_000,
        "data": base64.b64encode(raw).decode(),
    }


def _transform(records: list[dict[str, Any]]) -> logic.Batch:
    return logic.transform(records, compiled(EVENT), pseudonymiser(KEY))


def _decoded(result: dict[str, Any]) -> bytes:
    return base64.b64decode(result["data"])


def test_one_bad_record_leaves_its_neighbours_alone() -> None:
    good = json.dumps(DEPARTURE).encode()
    records = [_record(0, good), _record(1, b"not json"), _record(2, good)]
    results = _transform(records).results
    assert [r["result"] for r in results] == ["Ok", "ProcessingFailed", "Ok"]
    assert results[0].keys() == {"recordId", "result", "data"}
    assert _decoded(results[0]).endswith(b"\n")
    assert json.loads(_decoded(results[0]))["tail_number"] == pseudonym("N14228", KEY)
    assert results[1] == {
        "recordId": "r1",
        "result": "ProcessingFailed",
        "data": records[1]["data"],
    }


def test_a_label_from_the_future_fails_alone() -> None:
    arrived = 1_357_041_600_000
    raws = [json.dumps(ARRIVAL | {"label_time": f"{time}Z"}).encode()
            for time in ("2013-01-01T12:04:59", "2013-01-01T12:06:00")]  # fmt: skip
    records = [_record(n, raw) | {"approximateArrivalTimestamp": arrived}
               for n, raw in enumerate(raws)]  # fmt: skip
    batch = logic.transform(records, compiled(LABEL), pseudonymiser(KEY))
    assert [r["result"] for r in batch.results] == ["Ok", "ProcessingFailed"]
    assert batch.refused == {("after_arrival", "label_time"): 1}
    for odd in (None, "soon", -1, 10**400):
        again = [record | {"approximateArrivalTimestamp": odd} for record in records]
        found = logic.transform(again, compiled(LABEL), pseudonymiser(KEY)).results
        assert [r["result"] for r in found] == ["Ok", "Ok"]


@pytest.mark.parametrize("data", ["%%%", "YQ", "é", None, 5])
def test_data_that_is_not_base64_fails_alone(data: object) -> None:
    records = [{"recordId": "a", "data": data}, _record(1, json.dumps(DEPARTURE).encode())]
    results = _transform(records).results
    assert [r["result"] for r in results] == ["ProcessingFailed", "Ok"]
    assert results[0]["data"] == (data if isinstance(data, str) else "")


def test_refusals_are_counted_by_code_and_field() -> None:
    raw = json.dumps(DEPARTURE | {"origin": "BOS"}).encode()
    assert _transform([_record(0, raw), _record(1, raw), _record(2, b"")]).refused == {
        ("not_allowed", "origin"): 2,
        ("not_json", ""): 1,
    }


def test_an_answer_beyond_the_limit_gives_records_back_instead_of_failing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = json.dumps(DEPARTURE, separators=(",", ":")).encode()
    records = [_record(number, raw) for number in range(100)]
    full = sum(map(logic._size, _transform(records).results))
    monkeypatch.setattr(logic, "RESPONSE_BYTES", full - 500)
    batch = _transform(records)
    assert [r["recordId"] for r in batch.results] == [r["recordId"] for r in records]
    assert sum(map(logic._size, batch.results)) <= full - 500
    given_back = batch.refused["response_full", ""]
    assert 0 < given_back < 100
    assert sum(r["result"] == "ProcessingFailed" for r in batch.results) == given_back
    assert len(json.dumps({"records": batch.results})) <= full - 500


@settings(max_examples=60)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.just(json.dumps(DEPARTURE).encode())
        | st.dictionaries(
            st.sampled_from(sorted(DEPARTURE)), st.integers() | st.text() | st.floats()
        ).map(lambda changes: json.dumps(DEPARTURE | changes).encode()),
        max_size=12,
    )
)
def test_each_record_comes_back_once_in_order_and_failed_ones_as_received(
    raws: list[bytes],
) -> None:
    records = [_record(number, raw) for number, raw in enumerate(raws)]
    results = _transform(records).results
    assert [r["recordId"] for r in results] == [r["recordId"] for r in records]
    for raw, record, result in zip(raws, records, results, strict=True):
        if result["result"] == "Ok":
            content = json.loads(_decoded(result))
            assert compiled(EVENT).check(json.loads(raw), pseudonymiser(KEY)).values == content
        else:
            assert result == {
                "recordId": record["recordId"],
                "result": "ProcessingFailed",
                "data": record["data"],
            }


@given(st.sampled_from(sorted(set(DEPARTURE) - {"tail_number"})), st.text() | st.integers())
def test_no_accepted_record_and_no_count_holds_the_classified_value(
    broken: str, value: object
) -> None:
    raw = json.dumps(DEPARTURE | {"tail_number": CANARY, broken: value}).encode()
    batch = _transform([_record(0, raw)])
    assert CANARY not in repr(batch.refused)
    if batch.results[0]["result"] == "Ok":
        assert CANARY.encode() not in _decoded(batch.results[0])


@pytest.fixture
def deployed(
    aws_environment: None, contract_beside_code: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The handler as deployed for the events stream, with its HMAC key in KMS."""
    with mock_aws(config=KEEP_SESSION):
        client = boto3.client("kms")
        made = client.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        monkeypatch.setenv("MILLRACE_STREAM", "events")
        monkeypatch.setenv("MILLRACE_PSEUDONYM_KEY_ARN", made["KeyMetadata"]["Arn"])
        functions._stream.cache_clear()
        pseudonym_key.pseudonymiser_of.cache_clear()
        yield
        functions._stream.cache_clear()
        pseudonym_key.pseudonymiser_of.cache_clear()


def _key_in_kms() -> bytes:
    """What KMS itself answers for the label, asked without our code."""
    answer = boto3.client("kms").generate_mac(
        KeyId=os.environ["MILLRACE_PSEUDONYM_KEY_ARN"],
        MacAlgorithm="HMAC_SHA_256",
        Message=b"millrace/pseudonym/v1",
    )
    return bytes(answer["Mac"])


def test_the_handler_uses_the_key_in_kms_and_logs_no_value(
    deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(functions.logger.registered_handler, "stream", log)
    canary = json.dumps(DEPARTURE | {"tail_number": CANARY}).encode()
    broken = json.dumps(DEPARTURE | {"tail_number": "canary!", CANARY: 1}).encode()
    unknown = json.dumps(DEPARTURE | {CANARY: 1}).encode()
    records = [_record(i, raw) for i, raw in enumerate((canary, broken, unknown))]
    answer = functions.handler({"records": records}, object())
    assert [r["result"] for r in answer["records"]] == ["Ok"] + ["ProcessingFailed"] * 2
    stored = json.loads(_decoded(answer["records"][0]))
    assert stored["tail_number"] == pseudonym(CANARY, _key_in_kms())
    assert "batch transformed" in log.getvalue()
    assert "canary" not in log.getvalue().lower()


def test_the_key_is_derived_once_for_all_batches(
    deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.handler({"records": []}, object())
    monkeypatch.setattr(boto3, "client", lambda *_: pytest.fail("asked again"))
    functions.handler({"records": [_record(0, json.dumps(DEPARTURE).encode())]}, object())


def test_without_the_key_the_batch_fails_as_a_whole(
    deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_PSEUDONYM_KEY_ARN", "absent")
    with pytest.raises(Exception, match="NotFoundException"):
        functions.handler({"records": [_record(0, b"{}")]}, object())


def test_a_missing_variable_is_named(deployed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_PSEUDONYM_KEY_ARN")
    with pytest.raises(EnvironmentVariableError, match="MILLRACE_PSEUDONYM_KEY_ARN is missing"):
        functions.handler({"records": []}, object())
