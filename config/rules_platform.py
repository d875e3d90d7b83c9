"""Combinations of ingestion, network, training, API and monitoring that are refused."""

from __future__ import annotations

import ipaddress
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from config.guardrails import QUIET_MINUTES, SETTLES_IN_A_RUN, rollout_minutes
from config.instance_types import ARM, has_local_storage, is_arm, is_instance_type
from config.rule import AWS, Rule
from config.schedule import schedule_error
from config.settings import Perimeter, Settings

_BUFFERING = f"{AWS}firehose/latest/dev/buffering-hints.html"
_CONVERSION = f"{AWS}firehose/latest/dev/record-format-conversion.html"
_PARTITIONING = f"{AWS}firehose/latest/dev/dynamic-partitioning.html"
_FIREHOSE_SSE = f"{AWS}firehose/latest/dev/encryption.html"
_VPC = f"{AWS}vpc/latest/userguide/vpc-cidr-blocks.html"
_PREFIX_LISTS = f"{AWS}vpc/latest/userguide/working-with-aws-managed-prefix-lists.html"
_PERIMETER = f"{AWS}IAM/latest/UserGuide/access_policies_data-perimeters.html"
_REPLICATION = f"{AWS}AmazonS3/latest/userguide/replication.html"
_REPLICA_KEYS = f"{AWS}AmazonS3/latest/userguide/replication-config-for-kms-objects.html"
_BUCKET_NAMES = f"{AWS}AmazonS3/latest/userguide/bucketnamingrules.html"
_GLUE_JOBS = f"{AWS}glue/latest/dg/aws-glue-api-jobs-job.html"
_VAULT = f"{AWS}aws-backup/latest/devguide/create-a-vault.html"
_SCHEDULE = f"{AWS}scheduler/latest/UserGuide/schedule-types.html"
_JOB_VOLUME = f"{AWS}sagemaker/latest/APIReference/API_ResourceConfig.html"
_JOB_CLUSTER = f"{AWS}sagemaker/latest/APIReference/API_ProcessingClusterConfig.html"

_RATE_RULE = f"{AWS}waf/latest/developerguide/waf-rule-statement-type-rate-based.html"

_SCHEDULES = (
    "allowed: null; rate(n unit), such as rate(1 day) or rate(2 hours); or cron(minute hour "
    "day-of-month month day-of-week year) with ? for exactly one of the days, weekdays being "
    "1-7 (from Sunday) or SUN-SAT"
)
PARQUET_MEGABYTES = 64
RATE_WINDOW_SECONDS = 300
ONE_ADDRESS_SHARE = 0.5
"""What of the stage's rate callers behind one address must get, before WAF blocks all of them."""
SUBNET_PREFIX = 20
"""Prefix length of the subnets that the network stack makes."""
GLUE_JOBS = 2
"""Jobs that a retraining run starts: curate, so that the features are of all records, and those."""
GLUE_ATTEMPTS = 2
"""A run that fails is tried once more (``GLUE_RUN_FAILED`` of the state machines)."""
FUNCTIONS = ("transform", "router", "lease", "gate", "registry", "rollout", "pointers")
# Regions in which Glue has its large workers.
LARGE_WORKERS = {
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-2", "eu-west-1", "eu-west-2",
    "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}  # fmt: skip
# What no bucket's name begins with.
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
# VPC limits of a block's prefix length.
_SHORTEST, _LONGEST = 16, 28


@lru_cache(maxsize=1)
def _image_regions() -> frozenset[str]:
    """Regions for which the committed table knows the XGBoost image's registry."""
    table: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("images.yaml").read_text())
    return frozenset(table["xgboost"]["registries"])


def _bad_cidr(settings: Settings) -> bool:
    try:
        block = ipaddress.IPv4Network(settings.network.cidr)
    except ValueError:
        return True
    return not (block.is_private and _SHORTEST <= block.prefixlen <= _LONGEST)


def _room_needed(settings: Settings) -> bool:
    """Whether the block is too small for one subnet of :data:`SUBNET_PREFIX` in each zone."""
    if _bad_cidr(settings):
        return False
    block = ipaddress.IPv4Network(settings.network.cidr)
    zones = len(settings.network.availability_zones)
    return block.prefixlen > SUBNET_PREFIX or zones > 1 << (SUBNET_PREFIX - block.prefixlen)


def _foreign_zone(settings: Settings) -> bool:
    region = settings.region
    return any(
        zone[:-1] != region or not zone[-1].isalpha()
        for zone in settings.network.availability_zones
    )


def _replica_key_elsewhere(settings: Settings) -> bool:
    replication = settings.replication
    if replication is None:
        return False
    keys = replication.keys.model_dump().values()
    return any(key.split(":")[3] != replication.region for key in keys)


def _bad_replica_name(settings: Settings) -> bool:
    replication = settings.replication
    if replication is None:
        return False
    prefix = replication.bucket_prefix
    return ".." in prefix or prefix.startswith(_RESERVED_PREFIXES)


def run_minutes(settings: Settings) -> int:
    """Longest a retraining run holds the lease: Glue jobs, training, experiment, roll-out."""
    training = settings.training
    return (
        GLUE_JOBS * GLUE_ATTEMPTS * settings.processing.timeout_minutes
        + 2 * training.max_runtime_minutes
        + settings.serving.experiment_minutes
        + (rollout_minutes(settings) if settings.serving.mode == "realtime" else 0)
    )


def _lease_needs(settings: Settings) -> str:
    return (
        f"allowed: at least {run_minutes(settings)}, or a second run starts while the first still "
        f"works: {GLUE_JOBS * GLUE_ATTEMPTS} * processing.timeout_minutes (curate and features, "
        "each with a second try) + 2 * training.max_runtime_minutes + serving.experiment_minutes "
        "and, in mode realtime, three endpoint updates (15 minutes and their baking each) and "
        f"{SETTLES_IN_A_RUN} * {QUIET_MINUTES} minutes for alarms to be quiet"
    )


def address_needs(settings: Settings) -> int:
    """Least requests in five minutes that WAF has to let one address make."""
    return math.ceil(settings.api.requests_per_second * RATE_WINDOW_SECONDS * ONE_ADDRESS_SHARE)


def _bad_schedule(expression: str | None) -> bool:
    return expression is not None and schedule_error(expression) is not None


NETWORK_RULES = (
    Rule("endpoint-zones", "network.interface_endpoint_zones", ("network.availability_zones",),
         lambda s: s.network.interface_endpoint_zones > len(s.network.availability_zones),
         "allowed: at most the number of network.availability_zones",
         f"{AWS}vpc/latest/privatelink/create-interface-endpoint.html"),
    Rule("zones-in-region", "network.availability_zones", ("region",), _foreign_zone,
         "allowed: zones of {settings.region}, such as {settings.region}a", _VPC),
    Rule("zones-distinct", "network.availability_zones", (),
         lambda s: len(set(s.network.availability_zones)) < len(s.network.availability_zones),
         "allowed: each zone once"),
    Rule("cidr-block", "network.cidr", (), _bad_cidr,
         "allowed: a private IPv4 block between /16 and /28 without host bits", _VPC),
    Rule("cidr-room", "network.cidr", ("network.availability_zones",), _room_needed,
         f"allowed: room for a /{SUBNET_PREFIX} subnet in each zone: /19 or larger for two zones, "
         "/18 or larger for three", _VPC),
    Rule("prefix-lists-differ", "network.prefix_lists", (),
         lambda s: s.network.prefix_lists is not None and len(s.network.prefix_lists.services) < 2,
         "allowed: two lists, S3's and DynamoDB's; under one id calls to the other would hang",
         _PREFIX_LISTS),
    Rule("perimeter-break-glass", "perimeter.break_glass_roles", ("perimeter.enabled",),
         lambda s: s.perimeter.enabled and not s.perimeter.break_glass_roles,
         "allowed with perimeter.enabled: at least one role, or nobody can look into a bucket or "
         "empty it when something is wrong", _PERIMETER),
    Rule("perimeter-off", "perimeter.enabled",
         ("perimeter.break_glass_roles", "perimeter.landing_roles", "perimeter.vpc_endpoints"),
         lambda s: s.perimeter != Perimeter(enabled=s.perimeter.enabled)
         and not s.perimeter.enabled,
         "allowed with roles or endpoints listed: true, for they have no effect without it"),
    Rule("replica-region", "replication.region", ("region",),
         lambda s: s.replication is not None and s.replication.region == s.region,
         "allowed: another Region than {settings.region}; versions already protect within one",
         _REPLICATION),
    Rule("replica-keys", "replication.keys", ("replication.region",), _replica_key_elsewhere,
         "allowed: keys in replication.region, where the replicas are encrypted", _REPLICA_KEYS),
    Rule("replica-bucket-names", "replication.bucket_prefix", (), _bad_replica_name,
         "allowed: no adjacent periods, and none of " + ", ".join(_RESERVED_PREFIXES),
         _BUCKET_NAMES),
    Rule("region-has-image", "region", (), lambda s: s.region not in _image_regions(),
         "allowed: a Region listed in config/images.yaml",
         f"{AWS}sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html"),
)  # fmt: skip

INGESTION_RULES = (
    Rule("parquet-buffer", "ingestion.buffer_megabytes", ("ingestion.parquet",),
         lambda s: s.ingestion.parquet and s.ingestion.buffer_megabytes < PARQUET_MEGABYTES,
         f"allowed with Parquet conversion: {PARQUET_MEGABYTES} to 128", _CONVERSION),
    Rule("partitioning-buffer", "ingestion.buffer_megabytes", ("ingestion.dynamic_partitioning",),
         lambda s: s.ingestion.dynamic_partitioning
         and s.ingestion.buffer_megabytes < PARQUET_MEGABYTES,
         f"allowed with dynamic partitioning: {PARQUET_MEGABYTES} to 128", _BUFFERING),
    Rule("parquet-compression", "ingestion.compression", ("ingestion.parquet",),
         lambda s: s.ingestion.parquet and s.ingestion.compression != "none",
         "allowed with Parquet conversion: none, Parquet compresses its columns itself",
         _CONVERSION),
    Rule("partitioning-needs-buffering", "ingestion.buffer_seconds",
         ("ingestion.dynamic_partitioning",),
         lambda s: s.ingestion.dynamic_partitioning and s.ingestion.buffer_seconds == 0,
         "allowed with dynamic partitioning: 1 to 900, no zero buffering", _PARTITIONING),
    Rule("backup-needs-buffering", "ingestion.buffer_seconds", (),
         lambda s: s.ingestion.buffer_seconds == 0,
         "allowed: 1 to 900, the source backup in S3 takes no zero buffering", _BUFFERING),
    Rule("customer-key-direct-put", "ingestion.encryption", ("ingestion.source",),
         lambda s: s.ingestion.source == "kinesis" and s.ingestion.encryption == "customer_key",
         "allowed with source kinesis: stream, the Kinesis stream is encrypted instead",
         _FIREHOSE_SSE),
    Rule("kinesis-not-built", "ingestion.source", (),
         lambda s: s.ingestion.source == "kinesis",
         "allowed: direct_put; no stack makes a Kinesis stream yet, and a setting without effect "
         "is worse than one that is refused"),
    Rule("stream-encryption-needs-stream", "ingestion.encryption", ("ingestion.source",),
         lambda s: s.ingestion.source == "direct_put" and s.ingestion.encryption == "stream",
         "allowed with source direct_put: customer_key, there is no stream to encrypt",
         _FIREHOSE_SSE),
)  # fmt: skip

TRAINING_RULES = (
    Rule("training-instance-form", "training.instance_type", (),
         lambda s: not is_instance_type(s.training.instance_type),
         "allowed: a SageMaker instance type such as ml.m5.large", _JOB_VOLUME),
    Rule("training-image-is-x86", "training.instance_type", (),
         lambda s: is_arm(s.training.instance_type), ARM),
    Rule("training-local-storage-no-key", "training.volume_customer_key",
         ("training.instance_type",),
         lambda s: s.training.volume_customer_key and has_local_storage(s.training.instance_type),
         "allowed with {settings.training.instance_type}: false, local storage takes no key",
         _JOB_VOLUME),
    Rule("lease-outlives-run", "training.lease_minutes",
         ("training.max_runtime_minutes", "processing.timeout_minutes",
          "serving.experiment_minutes", "serving.bake_seconds", "serving.update", "serving.mode"),
         lambda s: s.training.lease_minutes < run_minutes(s),
         _lease_needs),
    Rule("training-schedule", "training.schedule", (),
         lambda s: _bad_schedule(s.training.schedule),
         _SCHEDULES, _SCHEDULE),
    Rule("large-workers-region", "processing.worker_type", ("region",),
         lambda s: s.processing.worker_type == "G.4X" and s.region not in LARGE_WORKERS,
         "allowed in {settings.region}: G.1X or G.2X, Glue has no larger workers there",
         _GLUE_JOBS),
    Rule("curate-schedule", "processing.curate_schedule", (),
         lambda s: _bad_schedule(s.processing.curate_schedule),
         _SCHEDULES, _SCHEDULE),
)  # fmt: skip

OPERATION_RULES = (
    Rule("monitor-instance-form", "monitoring.instance_type", (),
         lambda s: not is_instance_type(s.monitoring.instance_type),
         "allowed: a SageMaker instance type such as ml.m5.large", _JOB_CLUSTER),
    Rule("monitor-image-is-x86", "monitoring.instance_type", (),
         lambda s: is_arm(s.monitoring.instance_type), ARM),
    Rule("monitor-local-storage-no-key", "monitoring.volume_customer_key",
         ("monitoring.instance_type",),
         lambda s: s.monitoring.volume_customer_key
         and has_local_storage(s.monitoring.instance_type),
         "allowed with {settings.monitoring.instance_type}: false, local storage takes no key",
         _JOB_CLUSTER),
    Rule("monitor-schedule", "monitoring.schedule", (),
         lambda s: _bad_schedule(s.monitoring.schedule),
         _SCHEDULES, _SCHEDULE),
    Rule("monitor-needs-capture", "monitoring.schedule", ("serving.capture", "serving.mode"),
         lambda s: s.monitoring.schedule is not None and s.serving.mode != "off"
         and not s.serving.capture,
         "allowed without serving.capture: null, the monitor reads what capture wrote"),
    Rule("burst-covers-rate", "api.burst", ("api.requests_per_second",),
         lambda s: s.api.burst < s.api.requests_per_second,
         "allowed: at least api.requests_per_second, {settings.api.requests_per_second}, or the "
         "rate is never reached"),
    Rule("address-gets-its-share", "api.requests_per_five_minutes_per_address",
         ("api.requests_per_second",),
         lambda s: s.api.requests_per_five_minutes_per_address < address_needs(s),
         f"allowed: at least {ONE_ADDRESS_SHARE:g} * {RATE_WINDOW_SECONDS} * "
         "api.requests_per_second ({settings.api.requests_per_second}), or WAF answers 403 to "
         "callers behind one address while the stage would still serve them", _RATE_RULE),
    Rule("backup-outlives-stack", "retention.backup_days", ("retention.allow_data_deletion",),
         lambda s: s.retention.backup_days is not None and s.retention.allow_data_deletion,
         "allowed with retention.allow_data_deletion: null, a vault with copies in it is not "
         "deleted with its stack", _VAULT),
    Rule("reserved-function-names", "reserved_concurrency", (),
         lambda s: bool(set(s.reserved_concurrency) - set(FUNCTIONS)),
         "allowed keys: " + ", ".join(FUNCTIONS)),
)  # fmt: skip
