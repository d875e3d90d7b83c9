"""Typed settings: what a team edits in ``config/<environment>.yaml``.

Frozen, closed (an unknown key is an error) and complete: every default stands here and, of the
network and what guards it, in ``config/settings_network.py``. Combinations that AWS refuses are
checked in ``config/rules.py``; `settings.schema.json` is generated from these models by ``python -m
config.schema``, for editors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config import forms
from config.settings_network import (
    AccountId,
    Network,
    Perimeter,
    RegionName,
    Replication,
    Section,
)

Percent = Annotated[int, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, le=1_000_000_000)]
# Athena projects a date each (config/contract_rules.py), and no table has more.
Days = Annotated[int, Field(gt=0, le=3654)]
# An execution of Step Functions lasts a year at most.
Minutes = Annotated[int, Field(ge=0, le=365 * 24 * 60)]
# Of requests, or at the same time: ten times what AWS gives an account at first, and more.
PerSecond = Annotated[int, Field(gt=0, le=100_000)]
Instances = Annotated[int, Field(ge=1, le=100)]


def _yaml_off(value: object) -> object:
    """YAML 1.1 reads a plain ``off`` as false, which nobody who writes ``mode: off`` means."""
    return "off" if value is False else value


TagValue = Annotated[str, Field(max_length=256, pattern=forms.TAG_VALUE)]


def _no_switch(value: object) -> object:
    """Python takes true for 1, and so do literals."""
    if isinstance(value, bool):
        raise ValueError("a whole number")
    return value


LogRetentionDays = Annotated[
    Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827],
    BeforeValidator(_no_switch),
]


class Owner(Section):
    """Who answers for the deployment; becomes tags and alert subscriptions."""

    team: TagValue
    cost_center: TagValue
    email: str = Field(pattern=forms.EMAIL)


class Ingestion(Section):
    """Firehose delivery streams and their transform Lambda."""

    source: Literal["direct_put", "kinesis"] = "direct_put"
    buffer_megabytes: Annotated[int, Field(ge=1, le=128)] = 64
    buffer_seconds: Annotated[int, Field(ge=0, le=900)] = 300
    parquet: bool = True
    compression: Literal["none", "gzip"] = "none"
    dynamic_partitioning: bool = True
    encryption: Literal["customer_key", "stream"] = "customer_key"
    transform_buffer_megabytes: Annotated[float, Field(ge=0.2, le=3)] = 1.0
    transform_buffer_seconds: Annotated[int, Field(ge=0, le=900)] = 60
    transform_memory_megabytes: Annotated[int, Field(ge=128, le=10240)] = 512


class Processing(Section):
    """Glue Spark jobs."""

    worker_type: Literal["G.1X", "G.2X", "G.4X"] = "G.1X"
    workers: Annotated[int, Field(ge=2, le=299)] = 2
    timeout_minutes: Annotated[int, Field(ge=1, le=2880)] = 60
    curate_schedule: str | None = "cron(15 * * * ? *)"


class Training(Section):
    """Retraining: windows in days of event time, periods in wall-clock time."""

    instance_type: str = "ml.m5.large"
    spot: bool = True
    volume_customer_key: bool = True
    max_runtime_minutes: Annotated[int, Field(gt=0, le=28 * 24 * 60)] = 60
    evaluation_minutes: Annotated[int, Field(gt=0, le=9 * 24 * 60)] = 60
    window_days: Days = 90
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    holdout_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    cooldown_minutes: Minutes = 1440
    lease_minutes: Annotated[Minutes, Field(gt=0)] = 600
    schedule: str | None = "cron(0 3 1 * ? *)"
    approval: Literal["automatic", "manual"] = "automatic"
    trees: Annotated[int, Field(ge=1, le=5000)] = 200
    max_depth: Annotated[int, Field(ge=1, le=16)] = 6
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 2013


class Variant(Section):
    """A production variant: initial count, and its weight while no roll-out is under way.

    Changing a count later is an operation.
    """

    instances: Instances = 1
    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0


class Serverless(Section):
    """Size of a serverless endpoint; read in ``mode: serverless`` only."""

    memory_megabytes: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 10


class Autoscaling(Section):
    """Target tracking on invocations per instance and minute.

    ``registered_*`` repeat what is registered with Application Auto Scaling: SageMaker refuses to
    change the instance type, or to remove a variant, while a target is registered. The repetition
    makes such a change fail at synth, with the steps, instead of twenty minutes into a deploy.
    """

    enabled: bool = True
    minimum: Instances = 1
    maximum: Instances = 2
    invocations_per_instance: Positive = 600
    registered_instance_type: str = "ml.m5.large"
    registered_variants: tuple[Literal["champion", "challenger"], ...] = ("champion", "challenger")


class Serving(Section):
    """The SageMaker endpoint behind the API.

    With ``shadow`` the challenger gets copies of the champion's requests, a share given by its
    weight, and never answers a client. Counts are initial ones: the endpoint keeps its own
    afterwards (``retain_variant_properties``). Weights it keeps over an update, too, and the
    rollout function returns them to these when it has settled traffic (docs/rollout.md).
    ``update`` is ``unguarded`` only while variants come or go (docs/rollout.md).
    """

    mode: Annotated[Literal["realtime", "serverless", "off"], BeforeValidator(_yaml_off)] = (
        "realtime"
    )
    instance_type: str = "ml.m5.large"
    champion: Variant = Variant(weight=0.9)
    challenger: Variant | None = Variant(weight=0.1)
    shadow: bool = False
    vpc: bool = True
    volume_customer_key: bool = True
    retain_variant_properties: bool = True
    update: Literal[
        "blue_green_all_at_once", "blue_green_canary", "blue_green_linear", "rolling", "unguarded"
    ] = "blue_green_all_at_once"
    bake_seconds: Annotated[int, Field(ge=0, le=3600)] = 300
    capture_percent: Percent = 100
    capture: bool = True
    experiment_weight: Share = 0.1
    experiment_minutes: Minutes = 60
    serverless: Serverless = Serverless()
    autoscaling: Autoscaling = Autoscaling()

    @property
    def production_variants(self) -> dict[str, Variant]:
        """Variants that answer clients, by name; a shadow is not among them."""
        variants = {"champion": self.champion}
        if self.challenger is not None and not self.shadow:
            variants["challenger"] = self.challenger
        return variants

    @property
    def served_variants(self) -> tuple[str, ...]:
        """Names of all variants, a shadow included."""
        return ("champion", "challenger") if self.challenger else ("champion",)

    @property
    def challenger_share(self) -> float:
        """The challenger's share of the traffic when no experiment runs; 0 without one."""
        weights = {name: variant.weight for name, variant in self.production_variants.items()}
        whole = sum(weights.values())
        return round(weights.get("challenger", 0.0) / whole, 6) if whole else 0.0


class Api(Section):
    """REST API in front of the endpoint.

    Two limits meet a caller: API Gateway throttles the stage (429, the caller tries again), and
    WAF blocks an address that goes on (403). Callers behind one NAT gateway are one address.
    """

    auth: Literal["iam", "cognito"] = "iam"
    requests_per_second: PerSecond = 50
    burst: PerSecond = 100
    requests_per_five_minutes_per_address: Annotated[int, Field(ge=10, le=2_000_000_000)] = 15_000
    body_kilobytes: Annotated[int, Field(ge=1, le=64)] = 64
    batch_records: Annotated[int, Field(ge=1, le=500)] = 100


class Monitoring(Section):
    """Monitor job, alarms and budget."""

    instance_type: str = "ml.m5.large"
    volume_customer_key: bool = True
    schedule: str | None = "cron(0 6 * * ? *)"
    window_days: Days = 30
    alarm_period_seconds: Literal[10, 30, 60, 300, 900, 3600] = 300
    data_freshness_seconds: Annotated[int, Field(gt=0, le=7 * 24 * 3600)] = 3600
    latency_milliseconds: Annotated[int, Field(gt=0, le=60_000)] = 500
    monthly_budget_usd: Positive = 300


class Audit(Section):
    """Trails beside the one on the lake's objects, which is always made.

    ``create`` makes a trail of management events with the CIS filters and alarms; ``existing``
    leaves both to the account's (or the organisation's) trail, which has them once for everybody.
    """

    management_trail: Literal["create", "existing"] = "create"


class Retention(Section):
    """How long logs and copies of the lease table stay, and whether data may be deleted.

    ``backup_days`` keeps a daily copy of the table for that long; none is made without it.
    """

    log_days: LogRetentionDays = 30
    backup_days: Annotated[int, Field(gt=0, le=36_500)] | None = None
    allow_data_deletion: bool = False


class Settings(Section):
    """One deployment of Millrace."""

    instance: str = Field(pattern=forms.INSTANCE)
    environment: str = Field(pattern=forms.ENVIRONMENT)
    contract: Path
    account: AccountId | None = None
    region: RegionName
    owner: Owner
    network: Network
    perimeter: Perimeter = Perimeter()
    replication: Replication | None = None
    ingestion: Ingestion = Ingestion()
    processing: Processing = Processing()
    training: Training = Training()
    serving: Serving = Serving()
    api: Api = Api()
    monitoring: Monitoring = Monitoring()
    audit: Audit = Audit()
    retention: Retention = Retention()
    reserved_concurrency: dict[str, PerSecond] = Field(default_factory=dict)
