"""UpdateEndpoint on the emulator: sizes of steps, times, and configurations that are gone."""

from __future__ import annotations

from typing import Any

import pytest

from local.services.sagemaker import deployment
from tests.support.endpoints import Endpoints, blue_green
from tests.support.sagemaker import wait_for

PERCENT, COUNT = "CAPACITY_PERCENT", "INSTANCE_COUNT"
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 0,
    }
}


@pytest.mark.parametrize(
    ("config", "instances", "refused"),
    [
        (blue_green("ALL_AT_ONCE"), 1, ""),
        (blue_green("CANARY", canary=(PERCENT, 10)), 2, ""),
        (blue_green("CANARY", canary=(PERCENT, 50)), 2, ""),
        (blue_green("CANARY", canary=(COUNT, 1)), 2, ""),
        (blue_green("CANARY", canary=(PERCENT, 10)), 1, "CanarySize is 10 percent, 1 of the 1"),
        (blue_green("CANARY", canary=(PERCENT, 51)), 4, "CanarySize is 51 percent"),
        (blue_green("CANARY", canary=(COUNT, 3)), 4, "CanarySize is 3 instances, 3 of the 4"),
        (blue_green("CANARY"), 4, "CanarySize is missing"),
        (blue_green("LINEAR", linear=(PERCENT, 20)), 2, ""),
        (blue_green("LINEAR", linear=(PERCENT, 20)), 1, "LinearStepSize is 20 percent, 1 of the 1"),
        (blue_green("LINEAR", linear=(PERCENT, 5)), 20, "allowed: 10 to 50 percent"),
        (blue_green("ALL_AT_ONCE", wait=3601), 1, "WaitIntervalInSeconds is 3601; allowed: 0 to"),
        (blue_green("ALL_AT_ONCE", termination=3601), 1, "TerminationWaitInSeconds is 3601"),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": PERCENT, "Value": 10},
                    "WaitIntervalInSeconds": 60,
                    "MaximumExecutionTimeoutInSeconds": 599,
                }
            },
            4,
            "MaximumExecutionTimeoutInSeconds is 599; allowed: 600 to 28800",
        ),
    ],
)
def test_steps_and_times_have_limits(config: dict[str, Any], instances: int, refused: str) -> None:
    if not refused:
        deployment.check(config, {"champion": instances})
        return
    with pytest.raises(ValueError, match=refused):
        deployment.check(config, {"champion": instances})


def test_every_variant_counts() -> None:
    config = blue_green("CANARY", canary=(PERCENT, 10))
    with pytest.raises(ValueError, match="variant challenger"):
        deployment.check(config, {"champion": 2, "challenger": 1})


@pytest.fixture(scope="module")
def single(world: Endpoints) -> str:
    """An endpoint of one variant, ``champion``; who updates it leaves it serving."""
    return world.endpoint(world.config({"champion": (world.model("one"), 1.0)}))


@pytest.mark.platform
def test_an_endpoint_whose_configuration_is_gone_cannot_be_updated(
    world: Endpoints, single: str
) -> None:
    endpoint, config = single, world.configuration(single)
    other = world.config({"champion": (world.model("one"), 1.0)})
    described = world.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    assert world.ask(endpoint)["variant"] == "champion", "what serves goes on serving"
    with pytest.raises(world.sagemaker.exceptions.ClientError, match="Could not find endpoint con"):
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=other)
    world.sagemaker.create_endpoint_config(
        EndpointConfigName=config, ProductionVariants=described["ProductionVariants"]
    )
    world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=other)
    assert world.settled(endpoint)["EndpointConfigName"] == other


@pytest.mark.platform
def test_nothing_else_is_taken_while_weights_are_changed(world: Endpoints) -> None:
    models = {"champion": (world.model("one"), 1.0), "challenger": (world.model("two"), 1.0)}
    config = world.config(models)
    endpoint = world.endpoint(config)
    weights = {
        "EndpointName": endpoint,
        "DesiredWeightsAndCapacities": [{"VariantName": "challenger", "DesiredWeight": 0.0}],
    }
    world.sagemaker.update_endpoint_weights_and_capacities(**weights)
    for refused in (
        lambda: world.sagemaker.update_endpoint_weights_and_capacities(**weights),
        lambda: world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config),
    ):
        with pytest.raises(world.sagemaker.exceptions.ClientError, match="in-progress endpoint"):
            refused()
    assert world.ask(endpoint)["variant"] == "champion"
    assert world.ask(endpoint, TargetVariant="challenger")["variant"] == "challenger"
    assert world.settled(endpoint)["EndpointStatus"] == "InService"


@pytest.mark.platform
def test_a_canary_of_a_single_instance_is_refused(world: Endpoints, single: str) -> None:
    with pytest.raises(world.sagemaker.exceptions.ClientError, match="50 percent of the variant"):
        world.sagemaker.update_endpoint(
            EndpointName=single,
            EndpointConfigName=world.configuration(single),
            DeploymentConfig=blue_green("CANARY", canary=(PERCENT, 10)),
        )


@pytest.mark.platform
def test_a_guarded_update_keeps_the_names_of_the_variants(world: Endpoints) -> None:
    """Adding, removing and renaming is refused with a policy, given or retained, else taken."""
    models = {name: (world.model(name), 1.0) for name in "ab"}
    configs = {
        names: world.config({name: models[name] for name in names}) for names in ("a", "b", "ab")
    }
    guard: dict[str, Any] = {"DeploymentConfig": blue_green("ALL_AT_ONCE")}
    endpoint = world.endpoint(configs["a"], **guard)

    def refused(planned: str, options: dict[str, Any]) -> None:
        said = f"has the variants {', '.join(planned)}; allowed with a DeploymentConfig"
        with pytest.raises(world.sagemaker.exceptions.ClientError, match=said):
            world.sagemaker.update_endpoint(
                EndpointName=endpoint, EndpointConfigName=configs[planned], **options
            )

    def taken(planned: str) -> None:
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=configs[planned])
        described = world.settled(endpoint)
        assert described["EndpointConfigName"] == configs[planned]
        assert [one["VariantName"] for one in described["ProductionVariants"]] == list(planned)

    refused("ab", guard)
    for options in ({"DeploymentConfig": ROLLING}, {"RetainDeploymentConfig": True}):
        refused("b", options)
    taken("ab")
    refused("a", guard)
    for planned in ("a", "b"):
        taken(planned)


@pytest.mark.platform
def test_metrics_tell_the_fleets_apart_by_their_configuration(
    world: Endpoints, single: str
) -> None:
    world.ask(single)
    cloudwatch = world.platform.client("cloudwatch")
    dimensions = [
        {"Name": "EndpointName", "Value": single},
        {"Name": "VariantName", "Value": "champion"},
        {"Name": "EndpointConfigName", "Value": world.configuration(single)},
    ]

    def found() -> bool | None:
        metrics = cloudwatch.list_metrics(
            Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Dimensions=dimensions
        )["Metrics"]
        return True if metrics else None

    assert wait_for(found, 20)
