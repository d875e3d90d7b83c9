"""One row per rule: the smallest change that is refused, and its neighbour that is accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal, get_origin

import pytest
from pydantic import BaseModel

from config.kinds import kinds_of, models_of, single_values
from config.rules import RULES, value_at
from config.settings import Settings
from lambdas.rollout.settle import QUIET_SECONDS
from stacks import registry
from stacks.kit import sagemaker_jobs as jobs
from stacks.kit.asl import GLUE_RUN_FAILED
from stacks.serving.guardrails import QUIET_MINUTES
from stacks.training.rules import GLUE_ATTEMPTS, SPOT_PATIENCE
from tests.support.copies import ROOT, ConfigurationCopy, changed
from tests.support.settings_changes import (
    IN_STEPS,
    ONE_VARIANT,
    SERVERLESS,
    SHADOW,
    TWO_VARIANTS,
)
from tests.support.settings_rows import Row, assert_refused
from tests.support.yaml_files import parsed

ROWS = (
    Row("endpoint-zones", {"network.interface_endpoint_zones": 2},
        {"network.interface_endpoint_zones": 3}),
    Row("zones-in-region", {}, {"network.availability_zones": ["eu-west-1a", "us-east-1b"]}),
    Row("prefix-lists-differ", {"network.prefix_lists": None},
        {"network.prefix_lists": {"s3": "pl-6fa54006", "dynamodb": "pl-6fa54006"}}),
    Row("zones-in-region", {}, {"network.availability_zones": ["eu-west-1a", "eu-west-1A"]}),
    Row("zones-in-region", {}, {"network.availability_zones": ["eu-west-1a", "eu-west-1z"]}),
    Row("zones-in-region",
        {"region": "us-east-1", "network.availability_zones": ["us-east-1a", "us-east-1f"]},
        {"network.availability_zones": ["us-east-1a", "us-east-1-bos-1a"]}),
    Row("zones-distinct", {}, {"network.availability_zones": ["eu-west-1a", "eu-west-1a"]}),
    Row("cidr-block", {"network.cidr": "10.0.0.0/16"}, {"network.cidr": "10.0.0.0/8"}),
    Row("cidr-block", {"network.cidr": "10.1.0.0/18"}, {"network.cidr": "10.1.0.1/18"}),
    Row("cidr-block", {}, {"network.cidr": "8.8.0.0/16"}),
    Row("cidr-block", {"network.cidr": "192.168.0.0/16"}, {"network.cidr": "127.0.0.0/16"}),
    Row("cidr-block", {"network.cidr": "172.31.0.0/16"}, {"network.cidr": "169.254.0.0/16"}),
    Row("cidr-block", {"network.cidr": "100.64.0.0/16"}, {"network.cidr": "100.128.0.0/16"}),
    Row("cidr-block", {}, {"network.cidr": "0.0.0.0/16"}),
    Row("cidr-block", {}, {"network.cidr": "224.0.0.0/16"}),
    Row("cidr-block", {}, {"network.cidr": "240.0.0.0/16"}),
    Row("cidr-block", {}, {"network.cidr": "198.18.0.0/16"}),
    Row("cidr-block", {}, {"network.cidr": "10.20.0.0"}),
    Row("cidr-block", {}, {"network.cidr": "fd00::/16"}),
    Row("cidr-beside-docker", {"network.cidr": "172.18.0.0/16"}, {"network.cidr": "172.17.0.0/16"}),
    Row("cidr-beside-docker", {"network.cidr": "172.16.0.0/16"},
        {"network.cidr": "172.17.64.0/18"}),
    Row("cidr-room", {"network.cidr": "10.0.0.0/19"}, {"network.cidr": "10.0.0.0/20"}),
    Row("cidr-room", {"network.cidr": "10.0.0.0/19"},
        {"network.availability_zones": ["eu-west-1a", "eu-west-1b", "eu-west-1c"]}),
    Row("perimeter-break-glass", {"perimeter.break_glass_roles": ["ops/break-glass"]},
        {"perimeter.break_glass_roles": []}),
    Row("perimeter-off", {"perimeter": {"enabled": False}},
        {"perimeter": {"enabled": False, "break_glass_roles": ["ops/break-glass"]}}),
    Row("perimeter-off", {"perimeter": {"enabled": False}},
        {"perimeter": {"enabled": False, "vpc_endpoints": ["vpce-0a1b2c3d4e5f60718"]}}),
    Row("perimeter-partition",
        {"perimeter.landing_roles": ["arn:aws:iam::111122223333:role/producer", "producer"]},
        {"perimeter.landing_roles": ["arn:aws-cn:iam::111122223333:role/producer"]}),
    Row("perimeter-partition", {},
        {"perimeter.break_glass_roles": ["arn:aws-us-gov:iam::111122223333:role/ops"]}),
    Row("partition-aws",
        {"network.prefix_lists": None},
        {"region": "cn-north-1", "network.availability_zones": ["cn-north-1a", "cn-north-1b"]}),
    Row("partition-aws", {"network.prefix_lists": None},
        {"region": "us-gov-west-1",
         "network.availability_zones": ["us-gov-west-1a", "us-gov-west-1b"]}),
    Row("large-workers-region", {"processing.worker_type": "G.4X"},
        {"region": "eu-west-3", "network.availability_zones": ["eu-west-3a", "eu-west-3b"]}),
    Row("region-has-image",
        {"region": "us-east-1", "network.availability_zones": ["us-east-1a", "us-east-1b"]},
        {"region": "eu-north-9", "network.availability_zones": ["eu-north-9a", "eu-north-9b"]}),
    Row("parquet-buffer", {"ingestion.buffer_megabytes": 64}, {"ingestion.buffer_megabytes": 63}),
    Row("parquet-buffer", {"ingestion.parquet": False, "ingestion.buffer_megabytes": 1},
        {"ingestion.parquet": True}),
    Row("parquet-compression", {"ingestion.compression": "none"},
        {"ingestion.compression": "gzip"}),
    Row("parquet-compression", {"ingestion.compression": "gzip", "ingestion.parquet": False},
        {"ingestion.parquet": True}),
    Row("training-instance-exists", {"training.instance_type": "ml.c6i.xlarge"},
        {"training.instance_type": "c6i.xlarge"}),
    Row("training-instance-exists", {"training.instance_type": "ml.t3.medium"},
        {"training.instance_type": "ml.t2.medium"}),
    # For an endpoint there is one.
    Row("training-instance-exists", {"training.instance_type": "ml.c5.xlarge"},
        {"training.instance_type": "ml.c5.large"}),
    # It trains, and no processing job evaluates on it.
    Row("training-instance-exists", {"training.instance_type": "ml.p3.2xlarge"},
        {"training.instance_type": "ml.p6-b200.48xlarge", "training.volume_customer_key": False}),
    Row("training-local-storage-no-key",
        {"training.instance_type": "ml.r5d.large", "training.volume_customer_key": False},
        {"training.volume_customer_key": True}),
    Row("training-local-storage-no-key",
        {"training.instance_type": "ml.g7e.2xlarge", "training.volume_customer_key": False},
        {"training.volume_customer_key": True}),
    Row("training-image-has-no-driver", {"training.instance_type": "ml.m7i.large"},
        {"training.instance_type": "ml.trn1.2xlarge", "training.volume_customer_key": False}),
    Row("lease-outlives-run", {"training.lease_minutes": 570}, {"training.lease_minutes": 569}),
    Row("lease-outlives-run", {"training.lease_minutes": 570},
        {"training.evaluation_minutes": 61}),
    Row("training-image-is-x86", {"training.instance_type": "ml.m7i.large"},
        {"training.instance_type": "ml.m7g.large"}),
    Row("training-image-is-x86", {}, {"training.instance_type": "ml.c6g.xlarge"}),
    Row("training-schedule", {"training.schedule": "rate(31 days)"},
        {"training.schedule": "rate(7 day)"}),
    Row("curate-schedule", {"processing.curate_schedule": None},
        {"processing.curate_schedule": "cron(15 * * * * *)"}),
    Row("curate-schedule", {"processing.curate_schedule": "rate(1 hour)"},
        {"processing.curate_schedule": "rate(1 hour)\n"}),
    Row("curate-schedule", {"processing.curate_schedule": "cron(15 * * * ? *)"},
        {"processing.curate_schedule": "cron(15 * * *\n? *)"}),
    Row("curate-schedule", {"processing.curate_schedule": "cron(15/2 * * * ? *)"},
        {"processing.curate_schedule": "cron(15/\u00b2 * * * ? *)"}),
    Row("shadow-needs-one-shadow", SHADOW, {"serving.challenger": None}),
    Row("shadow-gets-copies", SHADOW, {"serving.challenger": {"weight": 0.0}}),
    Row("shadow-takes-no-clients", SHADOW, {"serving.experiment_weight": 0.1}),
    Row("rolling-one-variant", ONE_VARIANT | IN_STEPS | {"serving.update": "rolling"},
        {"serving.challenger": {"instances": 2, "weight": 0.1},
         "serving.autoscaling.registered_variants": ["champion", "challenger"]}),
    Row("steps-need-two-champions", TWO_VARIANTS, {"serving.champion": {"instances": 1}},
        frozenset({"champion-within-scaling"})),
    Row("steps-need-two-challengers", TWO_VARIANTS, {"serving.challenger": {"instances": 1}}),
    Row("steps-need-two-after-scaling", TWO_VARIANTS, {"serving.autoscaling.minimum": 1}),
    Row("steps-need-baking", TWO_VARIANTS | {"serving.bake_seconds": 240},
        {"serving.bake_seconds": 0}),
    Row("bake-lets-alarms-ring", {"serving.bake_seconds": 240}, {"serving.bake_seconds": 239}),
    Row("bake-lets-alarms-ring", {"serving.bake_seconds": 0}, {"serving.bake_seconds": 60}),
    Row("bake-lets-alarms-ring",
        {"serving.bake_seconds": 40, "monitoring.alarm_period_seconds": 10,
         "training.lease_minutes": 143},
        {"monitoring.alarm_period_seconds": 30}, environment="demo"),
    Row("update-fits-its-time",
        ONE_VARIANT | IN_STEPS
        | {"serving.update": "rolling", "serving.bake_seconds": 2290,
           "training.lease_minutes": 2880},
        {"serving.bake_seconds": 2291}),
    Row("experiment-lets-alarms-ring", {"serving.experiment_minutes": 4},
        {"serving.experiment_minutes": 3}),
    Row("instance-exists", {"serving.autoscaling.enabled": False},
        {"serving.instance_type": "m5.large"}),
    Row("instance-exists",
        {"serving.instance_type": "ml.m5.4xlarge",
         "serving.autoscaling.registered_instance_type": "ml.m5.4xlarge"},
        {"serving.instance_type": "ml.m5.3xlarge",
         "serving.autoscaling.registered_instance_type": "ml.m5.3xlarge"}),
    Row("instance-exists",
        {"serving.instance_type": "ml.p6-b200.48xlarge", "serving.volume_customer_key": False,
         "serving.autoscaling.registered_instance_type": "ml.p6-b200.48xlarge"},
        {"serving.instance_type": "ml.p6-b200.24xlarge",
         "serving.autoscaling.registered_instance_type": "ml.p6-b200.24xlarge"}),
    Row("image-has-no-driver", {"serving.autoscaling.enabled": False},
        {"serving.instance_type": "ml.inf1.xlarge"}),
    Row("image-has-no-driver", {"serving.autoscaling.enabled": False},
        {"serving.instance_type": "ml.inf2.xlarge"}),
    Row("image-has-no-driver",
        {"serving.autoscaling.enabled": False, "serving.volume_customer_key": False},
        {"serving.instance_type": "ml.dl1.24xlarge"}),
    Row("image-is-x86",
        {"serving.instance_type": "ml.g4dn.xlarge", "serving.volume_customer_key": False,
         "serving.autoscaling.enabled": False},
        {"serving.instance_type": "ml.r6g.large"}),
    Row("image-is-x86", {"serving.autoscaling.enabled": False},
        {"serving.instance_type": "ml.c7g.xlarge"}),
    Row("image-is-x86",
        {"serving.autoscaling.enabled": False, "serving.volume_customer_key": False},
        {"serving.instance_type": "ml.p6e-gb200.36xlarge"}),
    Row("scaling-takes-no-burstable",
        {"serving.instance_type": "ml.t2.medium", "serving.autoscaling.enabled": False,
         "serving.autoscaling.registered_instance_type": "ml.t2.medium"},
        {"serving.autoscaling.enabled": True}),
    Row("scaling-takes-no-burstable",
        {"serving.instance_type": "ml.m5.large"},
        {"serving.instance_type": "ml.t2.large",
         "serving.autoscaling.registered_instance_type": "ml.t2.large"}),
    Row("local-storage-no-key",
        {"serving.instance_type": "ml.g5.xlarge", "serving.volume_customer_key": False,
         "serving.autoscaling.registered_instance_type": "ml.g5.xlarge"},
        {"serving.volume_customer_key": True}),
    Row("local-storage-no-key",
        {"serving.instance_type": "ml.g7.2xlarge", "serving.volume_customer_key": False,
         "serving.autoscaling.registered_instance_type": "ml.g7.2xlarge"},
        {"serving.volume_customer_key": True}),
    Row("scaling-needs-retained-variants", ONE_VARIANT,
        {"serving.retain_variant_properties": False}),
    Row("experiment-needs-retained-variants", {"serving.autoscaling.enabled": False},
        {"serving.retain_variant_properties": False}),
    Row("scaled-instance-type",
        {"serving.instance_type": "ml.m5.xlarge", "serving.autoscaling.enabled": False},
        {"serving.autoscaling.enabled": True}),
    Row("scaled-variants", {"serving.challenger": None, "serving.autoscaling.enabled": False},
        {"serving.autoscaling.enabled": True}),
    Row("scaling-range", {"serving.autoscaling.minimum": 2, "serving.champion": {"instances": 2}},
        {"serving.autoscaling.minimum": 3}),
    Row("champion-within-scaling", {"serving.champion": {"instances": 2}},
        {"serving.champion": {"instances": 3}}),
    Row("challenger-within-scaling", {"serving.challenger": {"instances": 2, "weight": 0.1}},
        {"serving.challenger": {"instances": 3, "weight": 0.1}}),
    Row("challenger-within-scaling", SHADOW | {"serving.challenger": {"instances": 3}},
        {"serving.shadow": False,
         "serving.autoscaling.registered_variants": ["champion", "challenger"]}),
    Row("some-weight", {"serving.champion": {"weight": 0.0}},
        {"serving.champion": {"weight": 0.0}, "serving.challenger": {"weight": 0.0}}),
    Row("monitor-instance-exists", {}, {"monitoring.instance_type": "ml.m5"}),
    Row("monitor-instance-exists", {"monitoring.instance_type": "ml.t3.large"},
        {"monitoring.instance_type": "ml.m5d.large", "monitoring.volume_customer_key": False}),
    Row("monitor-image-has-no-driver", {"monitoring.volume_customer_key": False},
        {"monitoring.instance_type": "ml.trn2.48xlarge"}),
    Row("monitor-image-is-x86", {"monitoring.instance_type": "ml.g4dn.xlarge",
        "monitoring.volume_customer_key": False}, {"monitoring.instance_type": "ml.m6g.large"}),
    Row("monitor-local-storage-no-key",
        {"monitoring.instance_type": "ml.r5d.xlarge", "monitoring.volume_customer_key": False},
        {"monitoring.volume_customer_key": True}),
    Row("monitor-schedule", {"monitoring.schedule": "cron(0 6 1 * ? *)"},
        {"monitoring.schedule": "cron(0 6 32 * ? *)"}),
    Row("monitor-needs-capture", {"serving.capture": False, "monitoring.schedule": None},
        {"monitoring.schedule": "rate(1 day)"}),
    Row("monitor-needs-capture", SERVERLESS, {"monitoring.schedule": "rate(1 day)"}),
    Row("capture-takes-some", {"serving.capture_percent": 1}, {"serving.capture_percent": 0}),
    Row("capture-takes-some",
        {"serving.capture_percent": 0, "serving.capture": False, "monitoring.schedule": None},
        {"serving.capture": True}),
    Row("owner-is-somebody", {"account": "111122223333", "owner.email": "ml@millrace.io"},
        {"owner.email": "ml-platform@example.com"}),
    Row("owner-is-somebody", {"owner.email": "ml@alarms.test"}, {"account": "111122223333"}),
    Row("alarm-period-of-metrics", {"monitoring.alarm_period_seconds": 60},
        {"monitoring.alarm_period_seconds": 30}),
    Row("alarm-period-of-metrics", {"owner.email": "ml@millrace.io"},
        {"account": "111122223333"}, environment="demo"),
    Row("burst-covers-rate", {"api.burst": 50}, {"api.burst": 49}),
    Row("address-gets-its-share",
        {"api.requests_per_second": 100, "api.requests_per_five_minutes_per_address": 15_000},
        {"api.requests_per_second": 100, "api.requests_per_five_minutes_per_address": 14_999}),
    Row("names-fit-jobs", {"model": "a" * 15}, {"model": "a" * 16}),
    Row("reserved-function-names", {"reserved_concurrency": {"router": 10}},
        {"reserved_concurrency": {"routr": 10}}),
)  # fmt: skip

# Limits of AWS that a single value breaks stand in the models; the same table form.
RANGES: tuple[tuple[str, object, object], ...] = (
    ("ingestion.buffer_megabytes", 128, 129),
    ("ingestion.buffer_seconds", 900, 901),
    # The source's backup takes no zero buffering.
    ("ingestion.buffer_seconds", 1, 0),
    # Lambda answers with at most 6 MB, and base64 adds a third to what the transform returns.
    ("ingestion.transform_buffer_megabytes", 3.0, 3.1),
    ("ingestion.transform_buffer_megabytes", 0.2, 0.1),
    ("ingestion.transform_buffer_seconds", 900, 901),
    ("api.body_kilobytes", 64, 65),
    ("api.requests_per_five_minutes_per_address", 2_000_000_000, 2_000_000_001),
    ("serving.bake_seconds", 900, 3601),
    ("serving.capture_percent", 100, 101),
    # Templates are JSON, which has no such number.
    ("serving.experiment_weight", 1.0, float("inf")),
    ("training.algorithm.learning_rate", 1.0, float("nan")),
    # SageMaker stops a processing job after nine days.
    ("training.evaluation_minutes", 75, 12_961),
    ("serving.update", "blue_green_all_at_once", "big_bang"),
    ("network.availability_zones", ["eu-west-1a", "eu-west-1b"], ["eu-west-1a"]),
    ("perimeter.break_glass_roles", ["aws-reserved/sso.amazonaws.com/Admin_*"], ["*"]),
    ("perimeter.break_glass_roles", ["ops/break-glass"], ["ops/*/break-glass"]),
    (
        "perimeter.landing_roles",
        ["arn:aws:iam::111122223333:role/producer"],
        ["arn:aws:iam::1:role/producer"],
    ),
    ("perimeter.vpc_endpoints", ["vpce-0a1b2c3d4e5f60718"], ["vpc-0a1b2c3d4e5f60718"]),
    ("processing.workers", 2, 1),
    # SageMaker stops a job after 28 days.
    ("training.max_runtime_minutes", 75, 40321),
    ("retention.log_days", 365, 42),
    ("owner.email", "a@example.com", "nobody"),
    ("owner.team", "Research / ML", "Research & ML"),
    ("owner.team", "Größe", "aws:team"),
    ("owner.cost_center", "4711", "4" * 257),
)


# Accepted, too: of choices that no rule reads, the value that is no default.
CHOICES: tuple[dict[str, Any], ...] = (
    {"training.spot": False, "training.approval": "manual", "retention.log_days": 60,
     "retention.allow_data_deletion": False},
    {"serving.vpc": False, "api.auth": "cognito", "audit.management_trail": "existing"},
    SERVERLESS | {"serving.memory_megabytes": 1024},
    {"serving.challenger": None, "serving.autoscaling.enabled": False,
     "serving.retain_variant_properties": False},
)  # fmt: skip


def _choices(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Switches and lists of words; what tells kinds of a section apart is none."""
    for name, field in model.model_fields.items():
        sections = models_of(field.annotation)
        for section in sections:
            yield from _choices(section, f"{prefix}{name}.")
        kinds = [] if sections or name in single_values(model) else kinds_of(field.annotation)
        if any(kind is bool or get_origin(kind) is Literal for kind in kinds):
            yield f"{prefix}{name}"


def test_every_choice_is_accepted_with_another_value_somewhere() -> None:
    """What the rules leave one value of is no setting."""
    text = (ROOT / "config" / "dev.yaml").read_text()
    taken: dict[str, set[object]] = {choice: set() for choice in _choices(Settings)}
    assert len(taken) > 20
    for changes in (*CHOICES, *(row.good for row in ROWS if row.environment == "dev")):
        settings = Settings.model_validate(changed(parsed(text), changes))
        assert not [rule.id for rule in RULES if rule.refused(settings)], changes
        for choice, values in taken.items():
            with contextlib.suppress(AttributeError):
                values.add(value_at(settings, choice))
    assert [choice for choice, values in taken.items() if len(values - {None}) < 2] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_bad_combination_is_refused_and_its_neighbour_is_not(
    row: Row, configuration: ConfigurationCopy
) -> None:
    assert_refused(row, configuration)


def test_a_lease_that_is_too_short_is_told_the_minutes_that_it_needs(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_settings({"training.lease_minutes": 300})
    (problem,) = configuration.problems()
    assert problem.allowed.startswith("allowed: at least 570,")


def test_a_run_is_counted_with_the_tries_and_waits_of_the_flow() -> None:
    assert 1 + GLUE_RUN_FAILED["MaxAttempts"] == GLUE_ATTEMPTS
    assert jobs.SPOT_PATIENCE == SPOT_PATIENCE
    assert QUIET_MINUTES * 60 == QUIET_SECONDS


def test_an_empty_range_of_instances_is_told_once(configuration: ConfigurationCopy) -> None:
    configuration.change_settings({"serving.autoscaling.minimum": 3})
    assert [problem.rule for problem in configuration.problems()] == ["scaling-range"]


def test_every_rule_has_a_row() -> None:
    """Those of optional capabilities in their own tests."""
    optional = {rule.id for rule in registry.rules()}
    assert {rule.id for rule in RULES} - optional == {row.rule for row in ROWS}
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_rules_read_settings_that_exist(configuration: ConfigurationCopy) -> None:
    settings = configuration.load().settings
    for rule in RULES:
        for dotted in rule.reads:
            value_at(settings, dotted)


@pytest.mark.parametrize(("dotted", "good", "bad"), RANGES, ids=lambda value: str(value)[:40])
def test_single_values_stay_within_the_limits_of_aws(
    dotted: str, good: object, bad: object, configuration: ConfigurationCopy
) -> None:
    configuration.change_settings({dotted: good})
    configuration.load()
    configuration.change_settings({dotted: bad})
    (problem,) = configuration.problems()
    assert problem.field.startswith(dotted)
    assert problem.allowed.startswith("allowed: ")


def test_more_variants_than_sagemaker_takes_cannot_be_expressed(
    configuration: ConfigurationCopy,
) -> None:
    configuration.change_settings({"serving.second_challenger": {"weight": 0.1}})
    (problem,) = configuration.problems()
    assert problem.field == "serving.second_challenger"
    assert "champion, challenger, shadow" in problem.allowed
