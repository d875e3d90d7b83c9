"""Time of the Firehose transformation for each record, against a bare JSON loop.

Both run over the same records in the same process: the bare loop reads and writes each record's
JSON and nothing else, so the ratio says what validation, pseudonyms, base64 and partition keys
cost, whatever the machine. Run with ``python -m tests.bench.bench_transform``.
"""

from __future__ import annotations

import base64
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.contract import compile_contract, read_contract
from core.records import compiled, pseudonymiser
from lambdas.transform.logic import transform
from tests.bench.report import Row, table
from tests.support.records import DEPARTURE, FLIGHTS, KEY

RECORDS = 2_000
ROUNDS = 9
AIM = 6.0


def _departures() -> list[bytes]:
    return [
        json.dumps(
            DEPARTURE
            | {
                "flight_id": f"2013-01-01T10:15Z_UA_{number}_EWR",
                "flight_number": number,
                "tail_number": f"N{number}",
                "temperature_f": 30 + number % 40 + 0.02,
            }
        ).encode()
        for number in range(1, RECORDS + 1)
    ]


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def measure(contract_path: Path = FLIGHTS) -> dict[str, float]:
    """Measure both loops in alternation.

    Returns:
        Microseconds for each record (median of the rounds) of ``bare`` and ``transform``, and their
        ``ratio``.
    """
    raws = _departures()
    batch: list[dict[str, Any]] = [
        {"recordId": str(number), "data": base64.b64encode(raw).decode()}
        for number, raw in enumerate(raws)
    ]
    validator = compiled(compile_contract(read_contract(contract_path))["event"])
    pseudonymise = pseudonymiser(KEY)
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(_seconds(lambda: [json.dumps(json.loads(raw)) for raw in raws]))
        ours.append(_seconds(lambda: transform(batch, validator, pseudonymise)))
    micros = 1e6 / RECORDS
    return {
        "bare": statistics.median(bare) * micros,
        "transform": statistics.median(ours) * micros,
        "ratio": statistics.median(ours) / statistics.median(bare),
    }


def main() -> None:
    """Print the measurement."""
    result = measure()
    row = Row(
        "transform, a record",
        result["transform"] * 1e-6,
        "json.loads and dumps",
        result["bare"] * 1e-6,
        AIM,
    )
    print(f"{RECORDS} records in one process, median of {ROUNDS} rounds")
    print(table([row]))


if __name__ == "__main__":
    main()
