"""Settings of the endpoint: one model for each mode, with the settings that the mode has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from config.section import Minutes, Positive, Section, Share

Percent = Annotated[int, Field(ge=0, le=100)]


Instances = Annotated[int, Field(ge=1, le=100)]


def _yaml_off(value: object) -> object:
    """YAML 1.1 reads a plain ``off`` as false, which nobody who writes ``mode: off`` means."""
    return "off" if value is False else value


class Variant(Section):
    """A production variant: initial count, and its weight while no roll-out is under way.

    Changing a count later is an operation.
    """

    instances: Instances = 1
    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0


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


class _Mode(Section):
    """What the rooms ask of every mode, answered for one without a challenger beside a champion."""

    @property
    def has_endpoint(self) -> bool:
        return True

    @property
    def captures(self) -> bool:
        """Whether requests and answers are kept, for the monitor to judge."""
        return False

    @property
    def models_in_vpc(self) -> bool:
        return False

    @property
    def served_variants(self) -> tuple[str, ...]:
        """Names of all variants, a shadow included."""
        return ("champion",)

    @property
    def answering_variants(self) -> tuple[str, ...]:
        """Names of the variants that answer clients; a shadow is not among them."""
        return self.served_variants

    @property
    def experiment_share(self) -> float:
        """The challenger's share of the traffic while an experiment runs."""
        return 0.0

    @property
    def challenger_share(self) -> float:
        """The challenger's share of the traffic when no experiment runs."""
        return 0.0


class Realtime(_Mode):
    """A SageMaker endpoint on instances, behind the API; the mode where none is written.

    With ``shadow`` the challenger gets copies of the champion's requests, a share given by its
    weight, and never answers a client. Counts are initial ones: the endpoint keeps its own
    afterwards (``retain_variant_properties``). Weights it keeps over an update, too, and the
    rollout function returns them to these when it has settled traffic (docs/rollout.md).
    ``update`` is ``unguarded`` only while variants come or go (docs/rollout.md).
    """

    mode: Literal["realtime"] = "realtime"
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
    autoscaling: Autoscaling = Autoscaling()

    @property
    def production_variants(self) -> dict[str, Variant]:
        """Variants that answer clients, by name; a shadow is not among them."""
        variants = {"champion": self.champion}
        if self.challenger is not None and not self.shadow:
            variants["challenger"] = self.challenger
        return variants

    @property
    def captures(self) -> bool:
        return self.capture

    @property
    def models_in_vpc(self) -> bool:
        return self.vpc

    @property
    def served_variants(self) -> tuple[str, ...]:
        return ("champion", "challenger") if self.challenger else ("champion",)

    @property
    def answering_variants(self) -> tuple[str, ...]:
        return tuple(self.production_variants)

    @property
    def experiment_share(self) -> float:
        return self.experiment_weight

    @property
    def challenger_share(self) -> float:
        weights = {name: variant.weight for name, variant in self.production_variants.items()}
        whole = sum(weights.values())
        return round(weights.get("challenger", 0.0) / whole, 6) if whole else 0.0


class Serverless(_Mode):
    """A SageMaker endpoint without instances: one variant, no capture, no VPC, no volume key.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html has what it lacks.
    Guardrails only help variants on instances, so an update of it moves all traffic at once.
    """

    mode: Literal["serverless"]
    memory_megabytes: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 10


class Off(_Mode):
    """No endpoint. The models stay as they are by default, and pointers go on moving."""

    mode: Annotated[Literal["off"], BeforeValidator(_yaml_off)]

    @property
    def has_endpoint(self) -> bool:
        return False

    @property
    def models_in_vpc(self) -> bool:
        return True

    @property
    def served_variants(self) -> tuple[str, ...]:
        return ("champion", "challenger")


def _mode(value: object) -> str:
    """The mode that ``value`` says; realtime where it says none."""
    default = "realtime"
    told = value.get("mode", default) if isinstance(value, Mapping) else default
    return str(_yaml_off(getattr(value, "mode", told)))


Endpoint = Realtime | Serverless
Serving = Annotated[
    Annotated[Realtime, Tag("realtime")]
    | Annotated[Serverless, Tag("serverless")]
    | Annotated[Off, Tag("off")],
    Discriminator(_mode),
]
