"""Two models over one lake: names that differ, rights that end at a model's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.openapi import document
from tests.support.choices import synthesise
from tests.support.copies import copied
from tests.support.several import several

pytestmark = pytest.mark.cdk

MODELS = ("late", "delay")
SHARED = {
    "security", "network", "data-lake", "ingestion", "processing", "api", "monitoring", "audit",
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Templates by stack, made with the six packs: a finding would raise."""
    configuration = copied(tmp_path_factory.mktemp("configuration"))
    several(configuration)
    outdir: Path = tmp_path_factory.mktemp("assembly")
    synthesise(configuration, outdir)
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in outdir.glob("*.template.json")
    }


def _resources(
    found: dict[str, dict[str, Any]], kind: str | None = None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for stack, template in found.items():
        for logical_id, resource in template["Resources"].items():
            if kind in (None, resource["Type"]):
                yield stack, logical_id, resource


def test_a_model_has_three_stacks_and_shares_the_rest(found: dict[str, dict[str, Any]]) -> None:
    own = {f"{part}-{model}" for model in MODELS for part in ("training", "serving", "monitor")}
    assert set(found) == SHARED | own


def test_no_two_resources_of_a_type_have_one_name(found: dict[str, dict[str, Any]]) -> None:
    names: Counter[tuple[str, str, str]] = Counter()
    for stack, _, resource in _resources(found):
        for member, value in resource.get("Properties", {}).items():
            if member.endswith("Name") and member in NAMING.get(resource["Type"], ()):
                named = json.dumps(value).replace("AWS::StackId", stack)
                names[resource["Type"], member, named] += 1
    assert len(names) > 20
    assert [name for name, count in names.items() if count > 1] == []


# Members that name the resource itself, of types that a model has of its own.
NAMING = {
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName",),
    "AWS::Events::Rule": ("Name",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::SageMaker::Endpoint": ("EndpointName",),
    "AWS::SageMaker::EndpointConfig": ("EndpointConfigName",),
    "AWS::SageMaker::Model": ("ModelName",),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupName",),
    "AWS::ApiGateway::Model": ("Name",),
}


@pytest.mark.parametrize(("model", "other"), [MODELS, MODELS[::-1]])
def test_a_model_s_stacks_do_not_know_the_other(
    model: str, other: str, found: dict[str, dict[str, Any]]
) -> None:
    """No name, folder, pointer, stack or endpoint of the other one: so no right to it either."""
    for part in ("training", "serving", "monitor"):
        text = json.dumps(found[f"{part}-{model}"])
        for mark in (
            f"flights-dev-{other}", f"models/{other}/", f"runs/{other}/", f"-{other}\"",
            f"evaluations/{other}/", f"reports/{other}/", f"outcomes/{other}/",
            f"Read{other.capitalize()}",
        ):  # fmt: skip
            assert mark not in text, f"{part}-{model}: {mark}"


@pytest.mark.parametrize(("model", "other"), [MODELS, MODELS[::-1]])
def test_a_router_and_spark_jobs_reach_their_model_alone(
    model: str, other: str, found: dict[str, dict[str, Any]]
) -> None:
    checked = 0
    for stack in ("api", "processing"):
        for logical_id, resource in found[stack]["Resources"].items():
            if logical_id.startswith(model.capitalize()) and "Polic" in resource["Type"]:
                text = json.dumps(resource["Properties"]["PolicyDocument"])
                places = ("flights-dev-{}", "runs/{}/", "outcomes/{}/")
                assert not any(place.format(other) in text for place in places)
                checked += any(place.format(model) in text for place in places)
    assert checked == 3


def test_each_model_has_its_contract_in_what_runs_for_it(found: dict[str, dict[str, Any]]) -> None:
    """Archives of the same function differ, for each holds its model's contract."""
    routers = {
        logical_id: resource["Properties"]["Code"]["S3Key"]
        for _, logical_id, resource in _resources(found, "AWS::Lambda::Function")
        if "Router" in logical_id
    }
    assert len(set(routers.values())) == len(routers) == 2
    jobs = {
        logical_id: json.dumps(resource["Properties"]["DefaultArguments"]["--input_contract"])
        for _, logical_id, resource in _resources(found, "AWS::Glue::Job")
        if "Features" in logical_id
    }
    assert len(set(jobs.values())) == len(jobs) == 2


def test_the_api_has_each_model_s_routes_and_answers(found: dict[str, dict[str, Any]]) -> None:
    described = document(found["api"])
    wanted = ("/health", "/predictions", "/predictions/batch")
    assert set(described["paths"]) == {f"/{model}{route}" for model in MODELS for route in wanted}
    schemas = described["components"]["schemas"]
    assert "probability" in schemas["LatePrediction"]["required"]
    assert "value" in schemas["DelayPrediction"]["required"]


def test_the_one_light_shines_for_every_model(found: dict[str, dict[str, Any]]) -> None:
    (light,) = (
        resource["Properties"]["AlarmRule"]
        for stack, _, resource in _resources(found, "AWS::CloudWatch::CompositeAlarm")
        if stack == "monitoring"
    )
    text = json.dumps(light)
    assert all(f"monitor-{model}" in text for model in MODELS)
