"""The production settings deploy as they are, and every route answers whom it should."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from cryptography import x509

from config.contract import example_record
from core import names
from local.platform import Platform
from operations.subject import Subject
from tests.support.deployments import subject_of
from tests.synth import STACK_NAMES

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

WAF_DEFAULT_BYTES = 16 * 1024
STACKS = len(STACK_NAMES)


@pytest.fixture(scope="module")
def prod(prod_deployment: Platform) -> Subject:
    """The deployed production settings."""
    return subject_of(prod_deployment, "prod")


def _record(prod: Subject) -> dict[str, Any]:
    return example_record(prod.deployment.contract["event"])


def _batch(prod: Subject, count: int) -> str:
    id_field = prod.deployment.contract["event"]["id_field"]
    template = _record(prod)
    hour, carrier, _, airport = str(template[id_field]).split("_")
    records = [
        template | {id_field: f"{hour}_{carrier}_{number}_{airport}"}
        for number in range(1, count + 1)
    ]
    return json.dumps({"records": records})


def _answers(prod: Subject, body: str) -> requests.Response:
    return prod.call_api("POST", names.ROUTE_BATCH, body)


def test_all_stacks_are_there(prod: Subject) -> None:
    assert len(prod.deployed.stacks) == STACKS


def test_health_names_the_contract(prod: Subject) -> None:
    answer = prod.call_api("GET", names.ROUTE_HEALTH, None)
    assert answer.status_code == 200, answer.text
    assert prod.deployment.contract["version"] in answer.text


def test_one_record_is_predicted_by_the_seed(prod: Subject) -> None:
    record = _record(prod)
    answer = prod.call_api("POST", names.ROUTE_PREDICTIONS, json.dumps(record))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["record_id"] == record[prod.deployment.contract["event"]["id_field"]]
    assert found["probability"] == prod.deployment.contract["seed"]
    # The settings give the challenger no traffic.
    assert found["variant"] == names.CHAMPION
    assert found["inference_id"]


def test_a_full_batch_passes_the_web_acl(prod: Subject) -> None:
    count = prod.deployment.settings.api.batch_records
    body = _batch(prod, count)
    limit = prod.deployment.settings.api.body_kilobytes * 1024
    assert WAF_DEFAULT_BYTES < len(body) <= limit
    answer = _answers(prod, body)
    assert answer.status_code == 200, answer.text
    predictions = answer.json()["predictions"]
    assert len({p["record_id"] for p in predictions}) == count
    assert [p for p in predictions if "probability" not in p] == []


def test_the_web_acl_blocks_what_it_cannot_inspect(prod: Subject) -> None:
    limit = prod.deployment.settings.api.body_kilobytes * 1024
    padding = " " * (limit - len(_batch(prod, 1)) + 1)
    answer = _answers(prod, _batch(prod, 1) + padding)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


def test_the_stage_shows_a_certificate_that_can_be_read(prod: Subject) -> None:
    api = prod.session.client("apigateway")
    (stage,) = api.get_stages(restApiId=prod.deployed.one("AWS::ApiGateway::RestApi", "api"))[
        "item"
    ]
    found = api.get_client_certificate(clientCertificateId=stage["clientCertificateId"])
    loaded = x509.load_pem_x509_certificate(found["pemEncodedCertificate"].encode())
    assert loaded.not_valid_after_utc.timestamp() == found["expirationDate"].timestamp()


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", names.ROUTE_HEALTH),
        ("POST", names.ROUTE_PREDICTIONS),
        ("POST", names.ROUTE_BATCH),
    ],
)
def test_an_unsigned_request_is_refused(prod: Subject, method: str, route: str) -> None:
    body = None if method == "GET" else "{}"
    answer = prod.call_api(method, route, body, signed=False)
    assert answer.status_code == 403, answer.text
