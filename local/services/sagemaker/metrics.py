"""Per-variant invocation metrics in CloudWatch's AWS/SageMaker namespace.

Each datum is there twice, by variant and by variant and endpoint configuration:
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html

Requests are counted in memory and put into MiniStack's metric store once a second: a datum per
request would cost more than serving it. Latencies keep two significant digits, so percentiles
stay meaningful while a second of traffic needs a few dozen values.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch

from local.emulator.private_tables import pin

NAMESPACE = "AWS/SageMaker"
pin("ministack.services.cloudwatch", _store_datum="callable")


@dataclass(slots=True)
class _Second:
    invocations: int = 0
    client_errors: int = 0
    server_errors: int = 0
    instances: int = 1
    model_latency: Counter[float] = field(default_factory=Counter)
    overhead_latency: Counter[float] = field(default_factory=Counter)


# account, Region, endpoint, configuration, variant
_Key = tuple[str, str, str, str, str]
_lock = threading.Lock()
_pending: dict[_Key, _Second] = {}


def count(
    endpoint: str,
    variant: str,
    *,
    config: str,
    instances: int,
    status: int,
    model_microseconds: float | None,
    overhead_microseconds: float,
) -> None:
    """Count one invocation; ``status`` is the model container's, 5xx also when it gave none."""
    key = (get_account_id(), get_region(), endpoint, config, variant)
    with _lock:
        second = _pending.setdefault(key, _Second())
        second.invocations += 1
        second.instances = max(instances, 1)
        second.client_errors += 400 <= status < 500
        second.server_errors += status >= 500
        if model_microseconds is not None:
            second.model_latency[_rounded(model_microseconds)] += 1
            second.overhead_latency[_rounded(max(overhead_microseconds, 0.0))] += 1


def flush() -> None:
    """Move what was counted into CloudWatch, under the time of the flush."""
    with _lock:
        batch = dict(_pending)
        _pending.clear()
    now = time.time()
    for (account, region, endpoint, config, variant), second in batch.items():
        dimensions = {"EndpointName": endpoint, "VariantName": variant}
        with request_scope(account, region):
            _store(dimensions, second, now)
            # What one fleet of an update does is told apart by its configuration.
            _store(dimensions | {"EndpointConfigName": config}, second, now)


def _store(dimensions: Mapping[str, str], second: _Second, now: float) -> None:
    n = float(second.invocations)
    # Errors are reported as 0 or 1 per request, so that Average is the error rate.
    for name, hits in (
        ("Invocation4XXErrors", second.client_errors),
        ("Invocation5XXErrors", second.server_errors),
    ):
        _put(name, dimensions, now, "None", {0.0: n - hits, 1.0: float(hits)})
    _put("Invocations", dimensions, now, "None", {1.0: n})
    _put("InvocationsPerInstance", dimensions, now, "None", {1.0 / second.instances: n})
    _put("ModelLatency", dimensions, now, "Microseconds", second.model_latency)
    _put("OverheadLatency", dimensions, now, "Microseconds", second.overhead_latency)


def _put(
    name: str, dimensions: Mapping[str, str], now: float, unit: str, values: Mapping[float, float]
) -> None:
    kept = {value: count for value, count in values.items() if count}
    if kept:
        cloudwatch._store_datum(
            NAMESPACE,
            name,
            dict(dimensions),
            now,
            unit,
            None,
            list(kept),
            list(kept.values()),
            None,
        )


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
