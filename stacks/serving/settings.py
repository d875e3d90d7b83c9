"""Settings of the endpoint."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

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
