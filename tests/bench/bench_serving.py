"""The endpoint's hooks, and the image's whole server, against XGBoost alone on the same records.

The floor is ``Booster.inplace_predict`` on a matrix that is already encoded; above it stand JSON,
encoding and the answer, then nginx's rules, gunicorn and Flask. Floor and what stands above it are
timed in turns, so that a busy moment of the machine falls on both. Run with
``python -m tests.bench.bench_serving``.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from local.services.sagemaker.server import ModelServer
from model_code.models import Model
from model_code.serving import inference
from tests.bench.report import Row, duration, table
from tests.support import containers, models
from tests.support.training import fit

BATCHES = (1, 100)
ROUNDS = 300
TREES = "100"


def seconds(action: Callable[[], object]) -> float:
    """Duration of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(hooks: Callable[[], object], floor: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of both, taken in turns."""
    for _ in range(10):
        hooks(), floor()
    rounds = [(seconds(hooks), seconds(floor)) for _ in range(ROUNDS)]
    return statistics.median(a for a, _ in rounds), statistics.median(b for _, b in rounds)


def main() -> None:
    """Print microseconds of hooks and floor, their ratio, and the cost of a record."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        models.write_run(root / "run")
        fit(root / "run", root / "model", "--trees", TREES, "--patience", TREES)
        model = inference.model_fn(str(root / "model"))
        with containers.server(root / "container", root / "model") as server:
            report(model, server)


def report(model: Model, server: ModelServer) -> None:
    """Print the table."""
    rows, costs = [], []
    for size in BATCHES:
        records = models.events(size, 1)
        body = json.dumps({"instances": records}).encode()
        matrix = np.array(model._encoder.matrix(records), dtype=np.float32)

        def hooks(body: bytes = body) -> str:
            return str(inference.transform_fn(model, body, "application/json", "*/*")[0])

        def stack(body: bytes = body) -> object:
            return containers.ask(server, body)

        def floor(matrix: np.ndarray = matrix) -> object:
            return model._booster.inplace_predict(matrix)

        ours, bare = measure(hooks, floor)
        rows.append(Row(f"hooks, {size} a request", ours, "XGBoost, encoded", bare))
        whole, alone = measure(stack, hooks)
        rows.append(Row(f"server, {size} a request", whole, "hooks", alone))
        costs.append(f"{duration((ours - bare) / size)} ({size} a request)")
    print(f"One process, {TREES} trees, median of {ROUNDS} requests")
    print(table(rows))
    print(f"beyond the floor, a record: {', '.join(costs)}")


if __name__ == "__main__":
    main()
