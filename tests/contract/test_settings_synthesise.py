"""Every choice that the settings offer becomes templates without a finding of the six packs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core.names import PERIMETER_STATEMENT
from review.assembly import Assembly
from review.reachability import reachability
from stacks.network.endpoint_table import GATEWAY_ENDPOINTS
from tests.support.choices import resource_types, synthesise
from tests.support.copies import copied
from tests.support.settings_changes import (
    IN_STEPS,
    ONE_VARIANT,
    SERVERLESS,
    SHADOW,
    TWO_VARIANTS,
)

pytestmark = pytest.mark.cdk

LOCAL_STORAGE: dict[str, Any] = {
    f"{section}.{key}": value
    for section in ("serving", "training", "monitoring")
    for key, value in (("instance_type", "ml.r5d.large"), ("volume_customer_key", False))
} | {"serving.autoscaling.registered_instance_type": "ml.r5d.large"}
CHOICES: dict[str, dict[str, Any]] = {
    "serverless": SERVERLESS,
    "off": {"serving.mode": "off"},
    "one variant, rolling": ONE_VARIANT | IN_STEPS | {"serving.update": "rolling"},
    "shadow": SHADOW,
    "blue/green linear": TWO_VARIANTS | {"serving.update": "blue_green_linear"},
    "unguarded, while variants change": ONE_VARIANT | {"serving.update": "unguarded"},
    "endpoint outside the VPC, no capture": {
        "serving.vpc": False,
        "serving.capture": False,
        "monitoring.schedule": None,
    },
    "no autoscaling": {"serving.autoscaling.enabled": False},
    "local storage": LOCAL_STORAGE,
    "plain JSON, gzip": {
        "ingestion.parquet": False,
        "ingestion.compression": "gzip",
        "ingestion.buffer_megabytes": 5,
    },
    "cognito": {"api.auth": "cognito"},
    "a person approves, nothing is scheduled": {
        "training.approval": "manual",
        "training.schedule": None,
        "training.spot": False,
        "monitoring.schedule": None,
        "processing.curate_schedule": None,
    },
    "the account's own trail": {"audit.management_trail": "existing"},
    "no perimeter": {"perimeter": {"enabled": False}},
    "producers and other endpoints": {
        "perimeter.landing_roles": ["arn:aws:iam::444455556666:role/producers/airline"],
        "perimeter.vpc_endpoints": ["vpce-0a1b2c3d4e5f60718"],
    },
    "no prefix lists": {"network.prefix_lists": None},
    "reserved concurrency": {"reserved_concurrency": {"router": 5, "transform": 3}},
}


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Assembly of a choice, made once: dev's settings, packs attached; a finding raises."""

    @cache
    def made(choice: str) -> Path:
        configuration = copied(tmp_path_factory.mktemp("configuration"))
        configuration.change_settings(CHOICES[choice])
        outdir = tmp_path_factory.mktemp("assembly")
        synthesise(configuration, outdir)
        return outdir

    return made


def templates(assembly: Path) -> list[dict[str, Any]]:
    """All templates of an assembly."""
    return [json.loads(path.read_text()) for path in assembly.glob("*.template.json")]


@pytest.mark.parametrize("choice", CHOICES)
def test_choice_synthesises(choice: str, synthesised: Callable[[str], Path]) -> None:
    types = resource_types(templates(synthesised(choice)))
    assert ("AWS::SageMaker::Endpoint" in types) is (choice != "off")
    assert ("AWS::Cognito::UserPool" in types) is (choice == "cognito")


def _perimeters(found: list[dict[str, Any]]) -> dict[str, str]:
    """Bucket policy's logical id → its perimeter statement as text; empty if it has none."""
    return {
        logical_id: "".join(
            json.dumps(statement)
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
            if statement.get("Sid") == PERIMETER_STATEMENT
        )
        for template in found
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::S3::BucketPolicy"
    }


def test_producers_reach_the_landing_zone_only(synthesised: Callable[[str], Path]) -> None:
    found = _perimeters(templates(synthesised("producers and other endpoints")))
    assert all(found.values())
    with_producers = [name for name, text in found.items() if "producers/airline" in text]
    assert [name.partition("Bucket")[0] for name in with_producers] == ["Landing"]
    elsewhere = [name for name, text in found.items() if "vpce-0a1b2c3d4e5f60718" not in text]
    # No workload reads these two, so no endpoint leads there.
    assert sorted(name[:5] for name in elsewhere) == ["Acces", "Audit"]


def test_the_account_s_own_trail_is_left_to_its_filters(
    synthesised: Callable[[str], Path],
) -> None:
    found = templates(synthesised("the account's own trail"))
    (trail,) = [
        resource["Properties"]
        for template in found
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CloudTrail::Trail"
    ]
    assert "Management" not in json.dumps(trail)
    assert "AWS::Logs::MetricFilter" not in resource_types(found)


def test_the_perimeter_can_be_switched_off(synthesised: Callable[[str], Path]) -> None:
    assert not any(_perimeters(templates(synthesised("no perimeter"))).values())


def test_without_prefix_lists_only_users_of_a_gateway_have_a_rule_for_it(
    synthesised: Callable[[str], Path],
) -> None:
    found = reachability(Assembly.read(synthesised("no prefix lists")))
    assert not found.loose
    users = {str(workload) for gateway in GATEWAY_ENDPOINTS for workload in gateway.used_by}
    # A rule to anywhere cannot tell one gateway from the other.
    for service in ("s3", "dynamodb"):
        reaching = {group for group, target in found.ports if target == service}
        assert reaching == {f"network/{name.capitalize()}Group" for name in users}
