"""Each task in production: what the API passes on, what capture keeps, what the monitor judges."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core import names
from lambdas.router.endpoint import score
from lambdas.router.failover import Failover
from lambdas.router.http import ApiError
from model_code import tasks
from model_code.evaluation import evaluate, inputs
from model_code.monitoring import capture, monitor
from model_code.tasks.task import Output
from tests.support import models, task_worlds
from tests.support.captures import write_capture
from tests.support.router import Clock, Runtime
from tests.support.task_contracts import CLASSES, LABEL, with_labels
from tests.support.task_worlds import Trained

PAIRS = [("squared", "xgboost"), ("absolute", "linear"), ("ranges", "linear"), ("texts", "xgboost")]
WINDOW = monitor.Window("2013-08-15T00:00:00Z", "2013-08-29T00:00:00Z")


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    case, algorithm = request.param
    return task_worlds.train(case, algorithm, tmp_path_factory.mktemp("trained"))


def worse(output: Output) -> Output:
    """An hour early, or the classes the other way round."""
    return output[::-1] if isinstance(output, tuple) else output - 60.0


def line(records: list[dict[str, Any]], outputs: list[Output], trained: Trained) -> str:
    """One request as SageMaker captures it."""
    task = tasks.of(trained.contract)
    answer = {
        "predictions": [
            {"record_id": record["flight_id"], **task.answer(output)}
            for record, output in zip(records, outputs, strict=True)
        ],
        "model": trained.model.description(),
    }
    sent = {"data": json.dumps({"instances": records}), "encoding": "JSON"}
    text = json.dumps(answer, ensure_ascii=False).encode()
    got = {"data": base64.b64encode(text).decode(), "encoding": "BASE64"}
    return json.dumps({
        "captureData": {"endpointInput": sent, "endpointOutput": got},
        "eventMetadata": {"eventId": "1", "inferenceTime": "2026-11-21T00:00:00Z"},
    })  # fmt: skip


def reported(trained: Trained, base: Path, *, good: bool) -> dict[str, Any]:
    """The monitor's report on a window that the model answered well, or that something moved."""
    frame = task_worlds.between("window")
    found = task_worlds.records(frame, trained.contract)
    outputs = trained.model.predict(found)
    said = outputs if good else [worse(one) for one in outputs]
    lines = [
        line(found[first : first + 100], said[first : first + 100], trained)
        for first in range(0, len(found), 100)
    ]
    write_capture(base / "capture", "champion", lines)
    late = with_labels(trained.case, frame)[["flight_id", "label_time", LABEL]]
    folder = base / "outcomes/labels"
    folder.mkdir(parents=True)
    late.to_parquet(folder / "part.parquet", index=False)
    (base / "evaluation").mkdir()
    rows = inputs.holdout(trained.run / "holdout", trained.contract)
    seed = task_worlds.write_seed(trained.case, base / "seed")
    document = evaluate.compare(trained.contract, rows, trained.model, seed, 1)
    (base / "evaluation/evaluation.json").write_text(json.dumps(document, allow_nan=False))
    models.pack(trained.folder, base / "model/model.tar.gz")
    now = pd.Timestamp("2014-01-01", tz="UTC").to_pydatetime()
    captured = capture.read(base / "capture", tasks.of(trained.contract))
    report = monitor.examine(
        trained.contract,
        WINDOW,
        captured,
        monitor.labels(base / "outcomes/labels", trained.contract, now),
        monitor.reference(base),
    )
    return dict(json.loads(json.dumps(report, allow_nan=False)))


def judged(report: dict[str, Any]) -> dict[str, bool | None]:
    return {one["name"]: one["breached"] for one in report["criteria"]}


def test_a_good_model_breaches_nothing_and_its_metrics_are_published(
    trained: Trained, tmp_path: Path
) -> None:
    report = reported(trained, tmp_path, good=True)
    assert report["unreadable"] == {}
    assert report["counts"]["labelled"] == report["counts"]["captured"] > 500
    found = judged(report)
    assert found["relative_loss"] is found["calibration_error"] is False, report["criteria"]
    assert report["breached"] is False

    class Client:
        put: dict[str, Any]

        def put_metric_data(self, **request: Any) -> None:
            self.put = request

    client, task = Client(), tasks.of(trained.contract)
    monitor.put_metrics(client, "flights", task.metrics, report)
    told = {one["MetricName"]: one["Value"] for one in client.put["MetricData"]}
    assert {metric.published for metric in task.metrics} <= told.keys()
    assert told.keys() - {metric.published for metric in task.metrics} == {
        names.METRIC_MODEL_BREACH, names.METRIC_LABELLED,
    }  # fmt: skip
    assert all(np.isfinite(value) and name.isalnum() for name, value in told.items())


def test_a_shifted_model_breaches(trained: Trained, tmp_path: Path) -> None:
    report = reported(trained, tmp_path, good=False)
    assert report["breached"] is True
    assert judged(report)["relative_loss"] is True
    assert any("relative loss is at least" in reason for reason in report["reasons"])


def answered(trained: Trained, body: bytes, count: int) -> list[dict[str, Any]]:
    """What the router makes of a model's answer to ``count`` records."""
    runtime = Runtime()
    runtime.body = body
    sent = [{"flight_id": str(index), "flight_number": 1} for index in range(count)]
    found = score(
        runtime.client, Failover(["champion"], Clock()), tasks.of(trained.contract), "flights",
        sent, request_id="r", variant="champion",
    )  # fmt: skip
    return found.answers


def test_the_router_passes_on_what_the_hooks_answer(trained: Trained) -> None:
    found = task_worlds.records(task_worlds.between("window"), trained.contract)[:9]
    hooks = trained.hooks()
    body = json.dumps({"instances": found}).encode()
    text, _ = hooks.transform_fn(hooks.model_fn(str(trained.folder)), body, "application/json", "")
    members = answered(trained, text.encode(), len(found))
    task = tasks.of(trained.contract)
    assert members == [task.answer(output) for output in trained.model.predict(found)]
    assert all(one.keys() == task.schema().keys() for one in members)


def wrong_answers(trained: Trained) -> list[bytes]:
    """Texts of which none is one prediction for one record."""
    task = tasks.of(trained.contract)
    right = task.answer(trained.model.predict([{}])[0])
    key = "value" if "value" in right else "probabilities"
    numbers = ["NaN", "Infinity", "-Infinity", "1e999", "1" * 400, '"7"', "null", "true", "{}"]
    if key == "probabilities":
        names_of = [json.dumps(name) for name in CLASSES]
        numbers = [
            "{" + ",".join(f"{name}: {one}" for name in names_of) + "}"
            for one in [*numbers, "0.5", "-0.1"]
        ]
    texts = [f'{{"predictions": [{{"{key}": {one}}}]}}' for one in numbers]
    whole = json.dumps(right)
    texts += ["", "[]", "{}", '{"predictions": 1}', '{"predictions": [1]}', '{"predictions": []}',
              f'{{"predictions": [{whole}, {whole}]}}', "[" * 100_000]  # fmt: skip
    return [text.encode() for text in texts]


def test_a_malformed_answer_of_the_model_is_502(trained: Trained) -> None:
    for body in wrong_answers(trained):
        with pytest.raises(ApiError) as refused:
            answered(trained, body, 1)
        assert refused.value.status == 502, body[:80]
        assert refused.value.body["error"]["code"] == "model_error"
