"""Variants of a guarded endpoint come and go by three deploys (docs/rollout.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.endpoints import Endpoints, blue_green
from tests.support.sagemaker_stacks import Stack, artefact, serving

pytestmark = [pytest.mark.platform, pytest.mark.timeout(300)]

REFUSED = "allowed with a DeploymentConfig: the same names"


class Deploys:
    """Deploys of one endpoint with these variants, guarded or not."""

    def __init__(self, world: Endpoints) -> None:
        self.url = artefact(world, "one")
        self.world = world
        self.stack = Stack(world.platform)
        assert self("champion", update=False) == "CREATE_COMPLETE", self.stack.reasons()
        self.endpoint = self.stack.output("EndpointRef").rsplit("/", 1)[-1]

    def __call__(
        self, *names: str, guarded: bool = True, fails: bool = False, update: bool = True
    ) -> str:
        """Status of the stack; with ``fails`` a resource after the endpoint cannot be made."""
        found = serving(self.world, self.url)
        resources = {key: found[key] for key in ("Model", "Config", "Endpoint")}
        config, endpoint = (resources[key]["Properties"] for key in ("Config", "Endpoint"))
        (variant,) = config["ProductionVariants"]
        config["ProductionVariants"] = [{**variant, "VariantName": name} for name in names]
        if guarded:
            endpoint["DeploymentConfig"] = blue_green("ALL_AT_ONCE")
        if fails:
            resources["Later"] = {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {"ModelPackageGroupName": "NOT ALLOWED"},
                "DependsOn": "Endpoint",
            }
        return str(self.stack.deploy(resources, update=update)["StackStatus"])

    @property
    def serving(self) -> list[str]:
        """Names of the variants in service."""
        described: dict[str, Any] = self.world.settled(self.endpoint)
        return [variant["VariantName"] for variant in described["ProductionVariants"]]


def test_three_deploys_add_a_variant_and_each_can_fail(world: Endpoints) -> None:
    deploy = Deploys(world)
    assert deploy("champion", "challenger") == "UPDATE_ROLLBACK_COMPLETE"
    assert REFUSED in deploy.stack.reasons()
    assert deploy.serving == ["champion"]

    assert deploy("champion", guarded=False, fails=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert deploy("champion", guarded=False) == "UPDATE_COMPLETE"
    changed = ("champion", "challenger")
    assert deploy(*changed, guarded=False, fails=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert deploy.serving == ["champion"]
    assert deploy(*changed, guarded=False) == "UPDATE_COMPLETE"
    assert deploy(*changed) == "UPDATE_COMPLETE"
    assert deploy.serving == list(changed)


def test_one_deploy_that_drops_guard_and_changes_variants_has_no_way_back(
    world: Endpoints,
) -> None:
    deploy = Deploys(world)
    status = deploy("champion", "challenger", guarded=False, fails=True)
    assert status == "UPDATE_ROLLBACK_FAILED"
    assert REFUSED in deploy.stack.reasons()
