"""The namespace of metrics, whichever way an SDK sends it."""

from __future__ import annotations

import gzip

import pytest

from local.emulator import condition_keys

JSON = b'{"Namespace": "Millrace/Model", "MetricData": []}'
FORM = b"Action=PutMetricData&Version=2010-08-01&Namespace=Millrace%2FModel&MetricData=x"


@pytest.mark.parametrize("body", [JSON, FORM], ids=["json", "form"])
def test_the_namespace_is_read_compressed_or_not(body: bytes) -> None:
    assert condition_keys._namespace(body) == "Millrace/Model"
    assert condition_keys._namespace(gzip.compress(body)) == "Millrace/Model"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"Action=PutMetricData", b"\xff\xfe", condition_keys.GZIP_MAGIC + b"x"]
)
def test_a_body_without_one_has_none(body: bytes) -> None:
    assert condition_keys._namespace(body) is None
