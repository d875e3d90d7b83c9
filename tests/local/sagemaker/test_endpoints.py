"""Endpoints: real servers, weights, capture, failover, updates that fail, what callers may do."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from local.platform import Platform
from tests.support import sagemaker as support
from tests.support.endpoints import Endpoints, capture_config, captured, container
from tests.support.jobs import platform_role
from tests.support.sagemaker import allow, unique

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
def pair(world: Endpoints) -> str:
    """An endpoint whose champion has weight 3 and whose challenger has weight 1."""
    models = {"champion": (world.model("old"), 3.0), "challenger": (world.model("new"), 1.0)}
    return world.endpoint(world.config(models))


@pytest.fixture(scope="module")
def single(world: Endpoints) -> str:
    """An endpoint of one variant ``v`` for updates; who updates it leaves it serving."""
    return world.endpoint(world.config({"v": (world.model("first"), 1.0)}))


@dataclass(frozen=True, slots=True)
class Observed:
    """What is left of an endpoint with data capture."""

    name: str
    key: str
    events: list[dict[str, Any]]


def test_requests_divide_by_weight(world: Endpoints, pair: str) -> None:
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=pair,
        DesiredWeightsAndCapacities=[
            {"VariantName": "champion", "DesiredWeight": 3},
            {"VariantName": "challenger", "DesiredWeight": 1},
        ],
    )
    world.settled(pair)
    drawn = Counter(world.ask(pair)["model"] for _ in range(400))

    # 400 draws at 1/4 are 100 ± 43 within five standard deviations.
    assert set(drawn) == {"old", "new"}
    assert 57 <= drawn["new"] <= 143


def test_target_variant_overrides_weights(world: Endpoints, pair: str) -> None:
    for variant, model in (("champion", "old"), ("challenger", "new")):
        answers = [world.ask(pair, TargetVariant=variant) for _ in range(5)]
        assert {(a["model"], a["variant"]) for a in answers} == {(model, variant)}
    with pytest.raises(world.runtime.exceptions.ClientError, match="nobody"):
        world.ask(pair, TargetVariant="nobody")


def test_weight_zero_gets_no_traffic(world: Endpoints, pair: str) -> None:
    change = [{"VariantName": "challenger", "DesiredWeight": 0}]
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=pair, DesiredWeightsAndCapacities=change
    )
    world.settled(pair)

    assert {world.ask(pair)["variant"] for _ in range(40)} == {"champion"}


def test_model_that_raises_is_a_model_error(world: Endpoints, pair: str) -> None:
    with pytest.raises(world.runtime.exceptions.ModelError) as caught:
        world.ask(pair, {"boom": 1})

    assert caught.value.response["OriginalStatusCode"] == 500
    # The toolkit's server hides the reason, which only the log has.
    assert "Internal Server Error" in caught.value.response["OriginalMessage"]
    assert "boom" not in caught.value.response["OriginalMessage"]
    assert world.ask(pair)["twice"] == 2


def test_killed_server_comes_back(world: Endpoints, pair: str) -> None:
    before = world.variants(pair)["champion"]
    os.kill(before["pid"], signal.SIGKILL)

    def answered() -> bool:
        try:
            return world.ask(pair, TargetVariant="champion")["model"] == "old"
        except world.runtime.exceptions.ClientError:
            return False

    support.wait_for(answered, 20)
    after = support.wait_for(
        lambda: (v := world.variants(pair)["champion"])["pid"] != before["pid"] and v, 10
    )
    assert after["restarts"] == before["restarts"] + 1


@pytest.fixture(scope="module")
def observed(world: Endpoints) -> Observed:
    """An endpoint that answered thirty requests and failed one, and was deleted."""
    key = world.platform.client("kms").create_key()["KeyMetadata"]["Arn"]
    capture = capture_config(world.bucket) | {"KmsKeyId": key}
    config = world.config({"only": (world.model("m"), 1.0)}, DataCaptureConfig=capture)
    name = world.endpoint(config)
    for number in range(30):
        world.ask(name, {"x": number}, InferenceId=f"id-{number}", CustomAttributes="a=b")
    with pytest.raises(world.runtime.exceptions.ModelError):
        world.ask(name, {"boom": 1})
    # Deletion flushes: nothing that was answered may be lost.
    world.end([name])
    return Observed(name, key, captured(world, name))


def test_invocations_are_counted_per_variant(observed: Observed, platform: Platform) -> None:
    cloudwatch = platform.client("cloudwatch")
    dimensions = [
        {"Name": "EndpointName", "Value": observed.name},
        {"Name": "VariantName", "Value": "only"},
    ]

    def total(metric: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=dimensions,
            StartTime="2020-01-01T00:00:00Z",
            EndTime="2100-01-01T00:00:00Z",
            Period=86_400,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in found["Datapoints"]))

    support.wait_for(lambda: total("Invocations") == 31, 10)
    assert total("Invocation5XXErrors") == 1
    assert total("Invocation4XXErrors") == 0
    assert total("ModelLatency") > 0


def test_capture_holds_every_exchange(world: Endpoints, observed: Observed) -> None:
    events = observed.events
    assert {event["eventMetadata"]["inferenceId"] for event in events} == {
        f"id-{number}" for number in range(30)
    }
    event = next(e for e in events if e["eventMetadata"]["inferenceId"] == "id-4")
    request, answer = (event["captureData"][part] for part in ("endpointInput", "endpointOutput"))
    assert json.loads(request["data"]) == {"x": 4}
    assert (request["encoding"], request["mode"]) == ("JSON", "INPUT")
    assert json.loads(answer["data"]) == {"model": "m", "twice": 8}
    assert event["eventMetadata"]["customAttributes"] == ["a=b"]
    assert event["eventVersion"] == "0"
    assert set(event) == {"captureData", "eventMetadata", "eventVersion"}
    assert set(event["captureData"]) == {"endpointInput", "endpointOutput"}
    for part in (request, answer):
        assert set(part) == {"observedContentType", "mode", "data", "encoding"}
    assert set(event["eventMetadata"]) == {
        "eventId", "inferenceId", "inferenceTime", "customAttributes",
    }  # fmt: skip
    assert answer["mode"] == "OUTPUT"
    keys = support.keys(world.platform, world.bucket, f"capture/{observed.name}/")
    assert len(keys) < 30
    form = (
        rf"capture/{observed.name}/only/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d+-[0-9a-f-]{{36}}\.jsonl"
    )
    assert all(re.fullmatch(form, place) for place in keys), keys
    stored = world.platform.client("s3").head_object(Bucket=world.bucket, Key=keys[0])
    assert stored["SSEKMSKeyId"] == observed.key


def test_capture_honours_the_sampling_share(world: Endpoints) -> None:
    config = world.config(
        {"only": (world.model("m"), 1.0)}, DataCaptureConfig=capture_config(world.bucket, 20)
    )
    name = world.endpoint(config)
    for number in range(200):
        world.ask(name, {"x": number})
    world.sagemaker.delete_endpoint(EndpointName=name)

    # 200 draws at 1/5 are 40 ± 28 within five standard deviations.
    assert 12 <= len(captured(world, name)) <= 68


def test_update_that_fails_its_health_check_leaves_the_old_fleet(
    world: Endpoints, single: str
) -> None:
    good, before = world.configuration(single), world.ask(single)
    broken = world.model("bad", "raise RuntimeError('cannot load')\n")
    bad = world.config({"v": (broken, 1.0)})
    world.sagemaker.update_endpoint(EndpointName=single, EndpointConfigName=bad)
    endpoint = world.settled(single)

    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == good
    assert "cannot load" in endpoint["FailureReason"]
    assert world.ask(single) == before


def test_endpoint_whose_model_cannot_load_fails(world: Endpoints) -> None:
    config = world.config({"v": (world.model("bad", "1 / 0\n"), 1.0)})
    name = unique("endpoint")
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    endpoint = world.settled(name)

    assert endpoint["EndpointStatus"] == "Failed"
    assert "division by zero" in endpoint["FailureReason"]


def test_update_retains_weights_unless_excluded(world: Endpoints, single: str) -> None:
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=single,
        DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredWeight": 0.25}],
    )
    world.settled(single)
    second = world.config({"v": (world.model("second"), 1.0)})

    def weight_after(**options: Any) -> float:
        world.sagemaker.update_endpoint(EndpointName=single, EndpointConfigName=second, **options)
        (variant,) = world.settled(single)["ProductionVariants"]
        return float(variant["CurrentWeight"])

    assert weight_after(RetainAllVariantProperties=True) == 0.25
    assert world.ask(single, TargetVariant="v")["model"] == "second"
    excluded = [{"VariantPropertyType": "DesiredWeight"}]
    assert (
        weight_after(RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded)
        == 1.0
    )


def test_alarm_rolls_a_blue_green_update_back(
    world: Endpoints, single: str, platform: Platform
) -> None:
    old, before = world.configuration(single), world.ask(single)
    alarm = unique("alarm")
    cloudwatch = platform.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="Test", MetricName=alarm, Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="breaching",
    )  # fmt: skip
    support.wait_for(
        lambda: (
            cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"]
            == "ALARM"
        )
    )
    new = world.config({"v": (world.model("new"), 1.0)})
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    world.sagemaker.update_endpoint(
        EndpointName=single,
        EndpointConfigName=new,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )
    endpoint = world.settled(single)

    assert endpoint["EndpointConfigName"] == old
    assert "transitioned into ALARM state" in endpoint["FailureReason"]
    assert alarm in endpoint["FailureReason"]
    assert world.ask(single) == before


def test_an_update_with_alarms_needs_a_role_that_may_describe_them(
    world: Endpoints, single: str
) -> None:
    blind = support.make_role(
        world.platform, "sagemaker.amazonaws.com", support.bucket_access(world.bucket)
    )
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    guarded = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "somebodys"}]},
    }
    for role, reason in ((blind, "cloudwatch:DescribeAlarms"), (world.role, "")):
        new = world.config({"v": (world.model("new", role=role), 1.0)})
        world.sagemaker.update_endpoint(
            EndpointName=single, EndpointConfigName=new, DeploymentConfig=guarded
        )
        endpoint = world.settled(single)
        assert reason in endpoint.get("FailureReason", "")
        assert (endpoint["EndpointConfigName"] == new) is (not reason)


def test_caller_needs_permission_on_the_endpoint(world: Endpoints, pair: str) -> None:
    endpoint = world.sagemaker.describe_endpoint(EndpointName=pair)["EndpointArn"]
    allowed = platform_role(world.platform, [allow("sagemaker:InvokeEndpoint", endpoint)])
    other = platform_role(world.platform, [allow("sagemaker:InvokeEndpoint", endpoint + "-x")])
    request = {"EndpointName": pair, "ContentType": "application/json", "Body": b'{"x": 1}'}

    client = world.platform.client("sagemaker-runtime", allowed)
    assert client.invoke_endpoint(**request)["ResponseMetadata"]["HTTPStatusCode"] == 200
    client = world.platform.client("sagemaker-runtime", other)
    assert support.error_code(lambda: client.invoke_endpoint(**request)).startswith("AccessDenied")


def test_tags_at_creation_need_their_own_permission(world: Endpoints) -> None:
    group = {"Tags": [{"Key": "owner", "Value": "team"}]}
    create = allow("sagemaker:CreateModelPackageGroup")

    def created_by(*statements: dict[str, Any], **more: Any) -> str:
        client = world.platform.client(
            "sagemaker", platform_role(world.platform, [create, *statements])
        )
        name = unique("group")
        return str(client.create_model_package_group(ModelPackageGroupName=name, **more))

    assert created_by()
    assert created_by(allow("sagemaker:AddTags"), **group)
    assert support.error_code(lambda: created_by(**group)) == "AccessDeniedException"


def test_model_role_must_reach_the_artefact(world: Endpoints) -> None:
    bare = support.make_role(world.platform, "sagemaker.amazonaws.com", [])
    url = support.put(world.platform, world.bucket, "m.tar.gz", support.model_archive("m"))

    with pytest.raises(world.sagemaker.exceptions.ClientError, match="Could not access model data"):
        world.sagemaker.create_model(
            ModelName=unique("m"), ExecutionRoleArn=bare, PrimaryContainer=container(url)
        )


def test_registered_package_is_served(world: Endpoints) -> None:
    group = unique("group")
    archive = support.model_archive("pack")
    url = support.put(world.platform, world.bucket, f"{group}.tar.gz", archive)
    world.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn = world.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [container(url)],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    package = world.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelPackageVersion"] == 1
    name = unique("model")
    served = {
        "ModelName": name,
        "ExecutionRoleArn": world.role,
        "PrimaryContainer": {"ModelPackageName": arn},
    }
    unapproved = support.error_code(lambda: world.sagemaker.create_model(**served))
    assert unapproved == "ValidationException"
    world.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    listed = world.sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved"
    )
    assert [item["ModelPackageArn"] for item in listed["ModelPackageSummaryList"]] == [arn]

    world.sagemaker.create_model(**served)
    assert world.ask(world.endpoint(world.config({"v": (name, 1.0)})))["model"] == "pack"

    refused = support.error_code(
        lambda: world.sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    )
    assert refused == "ConflictException"
    world.sagemaker.delete_model_package(ModelPackageName=arn)
    world.sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def test_an_unversioned_package_names_its_instance_types(world: Endpoints) -> None:
    url = support.put(world.platform, world.bucket, "alone.tar.gz", support.model_archive("alone"))
    specification = {
        "Containers": [container(url)],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    name = unique("alone")
    with pytest.raises(world.sagemaker.exceptions.ClientError, match="InstanceTypes: required"):
        world.sagemaker.create_model_package(
            ModelPackageName=name, InferenceSpecification=specification
        )
    types = {
        "SupportedRealtimeInferenceInstanceTypes": [support.INSTANCE],
        "SupportedTransformInstanceTypes": [support.INSTANCE],
    }
    arn = world.sagemaker.create_model_package(
        ModelPackageName=name, InferenceSpecification={**specification, **types}
    )["ModelPackageArn"]
    world.sagemaker.delete_model_package(ModelPackageName=arn)


def test_scalable_target_bounds_the_instance_count(world: Endpoints, pair: str) -> None:
    client = world.platform.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{pair}/variant/champion",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    client.register_scalable_target(**target, MinCapacity=2, MaxCapacity=4)
    without = world.config({"challenger": (world.model("new"), 1.0)})
    with pytest.raises(world.sagemaker.exceptions.ClientError, match="deregistered"):
        world.sagemaker.update_endpoint(EndpointName=pair, EndpointConfigName=without)
    variants = world.settled(pair)["ProductionVariants"]
    assert next(v for v in variants if v["VariantName"] == "champion")["CurrentInstanceCount"] == 2

    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    client.put_scaling_policy(
        **target,
        PolicyName="tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 50.0,
            "PredefinedMetricSpecification": metric,
        },
    )
    found = client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [p["PolicyName"] for p in found if p["ResourceId"] == target["ResourceId"]] == [
        "tracking"
    ]
    client.deregister_scalable_target(**target)
    assert support.error_code(lambda: client.deregister_scalable_target(**target)) == (
        "ObjectNotFoundException"
    )
    unknown = {**target, "ResourceId": f"endpoint/{pair}/variant/nobody"}
    assert (
        support.error_code(
            lambda: client.register_scalable_target(**unknown, MinCapacity=1, MaxCapacity=2)
        )
        == "ValidationException"
    )


def test_a_name_is_taken_until_what_has_it_is_deleted(world: Endpoints) -> None:
    model = world.model("taken")
    config = world.config({"only": (model, 1.0)})
    described = world.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    request = {
        "EndpointConfigName": config,
        "ProductionVariants": described["ProductionVariants"],
    }
    with pytest.raises(world.sagemaker.exceptions.ClientError, match="already existing"):
        world.sagemaker.create_endpoint_config(**request)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    assert world.sagemaker.create_endpoint_config(**request)["EndpointConfigArn"].endswith(config)
