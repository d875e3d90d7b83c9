"""Two models over one lake, run: by how much a flight is late, and in which of three ways.

Real flights land as files; each model is trained, judged against its seed and promoted by its own
flow, answers below its own route, and is monitored against labels that come later. The binary model
runs in the demo (``tests/local/test_full_loop.py``).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from config.load import Deployment
from core import names
from local.demo import producer
from local.demo.executions import Executions, Followed
from local.demo.flights import Flights
from local.platform import Platform
from model_code import tasks
from operations.deployed import Deployed
from operations.subject import Subject
from tests.support.choices import synthesise
from tests.support.copies import copied
from tests.support.deployments import VARIABLES, subject_of
from tests.support.probe_stack import wait_for
from tests.support.several import kinds

pytestmark = pytest.mark.platform

MODELS = ("delay", "how")
RATE = 0.06
LEARNT, PREDICTED = (1, 2, 3), 4
DAYS = "2013-04-13"
BATCH = 100
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class World:
    """The platform with both models, and what is done with them."""

    platform: Platform
    deployments: dict[str, Deployment]

    def subject(self, model: str) -> Subject:
        """The deployment as one of its models sees it."""
        subject = subject_of(self.platform, "demo")
        return dataclasses.replace(subject, deployment=self.deployments[model])

    def deployed(self, model: str) -> Deployed:
        """Physical names, a model's where they differ."""
        return self.subject(model).deployed

    @cached_property
    def flights(self) -> Flights:
        """Some flights, by the demo's rule."""
        return Flights(RATE)

    def land(self, key: str, events: list[dict[str, Any]], labels: list[dict[str, Any]]) -> None:
        """Files in the landing zone, as a producer brings them."""
        deployed = self.deployed("delay")
        client = self.platform.client("s3", self.producer)
        for stream, records in (("events", events), ("labels", labels)):
            body = "".join(json.dumps(record) + "\n" for record in records)
            client.put_object(
                Bucket=deployed.bucket("landing"), Key=f"{stream}/{key}.jsonl", Body=body.encode()
            )

    @cached_property
    def producer(self) -> dict[str, str]:
        """A producer's credentials."""
        return producer.session(self.platform, self.deployed("delay"), files=True)

    def run(self, model: str, stack: str, given: dict[str, Any]) -> Followed:
        """One execution of a model's flow, to its end."""
        machine = self.deployed(model).state_machine(stack)
        flow = Executions(self.platform.client("stepfunctions"), machine, lambda _: None)
        return flow.follow(flow.start(f"{model}-{stack}", given))

    def document(self, model: str, zone: str, prefix: str, end: str) -> dict[str, Any]:
        """The JSON object below a prefix whose key ends so."""
        bucket = self.deployed(model).bucket(zone)
        client = self.subject(model).session.client("s3")
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        (key,) = (item["Key"] for item in listed if item["Key"].endswith(end))
        found: dict[str, Any] = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    configuration = copied(tmp_path_factory.mktemp("configuration"))
    kinds(configuration)
    loaded = configuration.load("demo")
    state, assembly = (tmp_path_factory.mktemp(name) for name in ("models", "assembly"))
    synthesise(configuration, assembly, "demo")
    with Platform(state, variables=VARIABLES) as platform:
        platform.bootstrap()
        platform.deploy("demo", app=str(assembly), capture=True)
        yield World(platform, {one.settings.model: one for one in loaded.models})


@pytest.fixture(scope="module")
def seeds(world: World) -> dict[str, dict[str, Any]]:
    """What each model answers before it is trained."""
    event = json.dumps(world.flights.month(PREDICTED).events[0])
    answers = {
        model: world.subject(model).call_api("POST", names.ROUTE_PREDICTIONS, event)
        for model in MODELS
    }
    assert all(answer.status_code == 200 for answer in answers.values())
    return {model: answer.json() for model, answer in answers.items()}


@pytest.fixture(scope="module")
def retrained(world: World, seeds: dict[str, dict[str, Any]]) -> dict[str, Followed]:
    """Both flows' first runs, side by side: the curate job takes one at a time."""
    assert seeds
    months = [world.flights.month(number) for number in LEARNT]
    world.land(
        "learnt",
        [event for month in months for event in month.events],
        [label for month in months for label in month.labels],
    )
    with ThreadPoolExecutor(len(MODELS)) as pool:
        runs = [pool.submit(world.run, model, "training", {"reason": "test"}) for model in MODELS]
        return {model: run.result() for model, run in zip(MODELS, runs, strict=True)}


@pytest.mark.parametrize("model", MODELS)
def test_the_seed_answers_below_the_model_s_route(
    model: str, world: World, seeds: dict[str, dict[str, Any]]
) -> None:
    task, said = tasks.of(world.deployments[model].contract), seeds[model]
    expected = task.answer(task.seed)
    assert {name: said[name] for name in expected} == expected


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_trained_and_promoted(
    model: str, world: World, retrained: dict[str, Followed]
) -> None:
    followed = retrained[model]
    assert followed.status == "SUCCEEDED", followed.failures
    scope = world.deployments[model].settings.scope
    prefix = f"{scope.below(names.ARTIFACTS_EVALUATIONS)}{model}-training/"
    evaluation = world.document(model, "artifacts", prefix, names.EVALUATION_FILE)
    assert followed.states[-1] == "Promoted", evaluation["difference"]
    metric = tasks.of(world.deployments[model].contract).objective.key
    assert evaluation["difference"][metric]["high"] < 0
    assert evaluation["yardsticks"].keys() == {"constant", "linear"}
    assert evaluation["candidate"]["relative_loss"]["value"] < 1


@pytest.fixture(scope="module")
def monitored(world: World, retrained: dict[str, Followed]) -> dict[str, dict[str, Any]]:
    """Twelve days of April: asked of both, their labels later, then the monitors' reports."""
    assert all(run.states[-1] == "Promoted" for run in retrained.values())
    month = world.flights.month(PREDICTED)
    events = [event for event in month.events if event["event_time"] < DAYS]
    for model in MODELS:
        for first in range(0, len(events), BATCH):
            body = json.dumps({"records": events[first : first + BATCH]})
            answer = world.subject(model).call_api("POST", names.ROUTE_BATCH, body)
            assert answer.status_code == 200, answer.text
            assert all("error" not in one for one in answer.json()["predictions"])
    # Those of the rest of the month say that the window's labels are all there.
    world.land("april", month.events, month.labels)
    _curate(world)
    window = {"window_start": "2013-04-01T00:00:00Z", "window_end": f"{DAYS}T00:00:00Z"}
    reports = {}
    for model in MODELS:
        _captured(world, model, len(events))
        followed = world.run(model, "monitor", window)
        assert followed.status == "SUCCEEDED", followed.failures
        prefix = world.deployments[model].settings.scope.below(names.MONITORING_REPORTS)
        reports[model] = world.document(model, "monitoring", prefix, "report.json")
    return reports


def _curate(world: World) -> None:
    glue, job = world.platform.client("glue"), world.deployed("delay").glue_job("curate")
    run = glue.start_job_run(JobName=job)["JobRunId"]

    def ended() -> bool:
        state = glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"]
        assert state in {"STARTING", "RUNNING", "STOPPING", "WAITING", "SUCCEEDED"}, state
        return bool(state == "SUCCEEDED")

    wait_for(ended, PATIENCE_SECONDS, "the curate run")


def _captured(world: World, model: str, records: int) -> None:
    subject = world.subject(model)
    bucket, client = subject.deployed.bucket("monitoring"), subject.session.client("s3")
    prefix = f"{names.MONITORING_CAPTURE}{subject.deployed.endpoint()}/"

    def all_there() -> bool:
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        bodies = [client.get_object(Bucket=bucket, Key=i["Key"])["Body"].read() for i in listed]
        # A request a line, and the seed's one of the first test.
        return sum(body.count(b"captureData") for body in bodies) >= -(-records // BATCH)

    wait_for(all_there, PATIENCE_SECONDS, "captured requests")


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_judged_by_its_task(
    model: str, world: World, monitored: dict[str, dict[str, Any]]
) -> None:
    report = monitored[model]
    assert report["unreadable"] == {}
    assert report["labelled"] > 200
    judged = {one["name"]: one for one in report["criteria"]}
    assert judged["relative_loss"]["breached"] is not None, judged["relative_loss"]["reason"]
    assert judged["calibration_error"]["breached"] is not None
    task = tasks.of(world.deployments[model].contract)
    assert all(report["quality"][metric.key] is not None for metric in task.metrics)
    metrics = world.platform.client("cloudwatch").list_metrics(Namespace=names.METRIC_NAMESPACE)
    endpoint = {"Name": "Endpoint", "Value": world.deployed(model).endpoint()}
    put = {one["MetricName"] for one in metrics["Metrics"] if endpoint in one["Dimensions"]}
    assert {metric.published for metric in task.metrics} <= put
