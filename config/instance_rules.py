"""Instance types that SageMaker does not have for a use, or on which our one image cannot run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config.instance_types import (
    ACCELERATOR,
    ARM,
    Use,
    alternatives,
    exists,
    has_local_storage,
    has_other_accelerator,
    is_arm,
    unfit,
)
from config.rule import AWS, Rule
from config.settings import Settings

EXCLUSIONS = f"{AWS}sagemaker/latest/dg/deployment-guardrails-exclusions.html"


@dataclass(frozen=True, slots=True)
class Place:
    """A section with ``instance_type`` and ``volume_customer_key``.

    Attributes:
        section: its name in the settings.
        prefix: how its rules' ids begin.
        uses: what its instances are used for, all of them.
        page: documents type and volume key.
    """

    section: str
    prefix: str
    uses: tuple[Use, ...]
    page: str
    with_fields: tuple[str, ...] = ()
    active: Callable[[Settings], bool] = lambda _settings: True

    @property
    def field(self) -> str:
        return f"{self.section}.instance_type"

    def of(self, settings: Settings) -> str:
        name: str = getattr(settings, self.section).instance_type
        return name

    def keyed(self, settings: Settings) -> bool:
        keyed: bool = getattr(settings, self.section).volume_customer_key
        return keyed


def instance_rules(place: Place) -> tuple[Rule, ...]:
    """What the image cannot use is told by itself, whether SageMaker has it or not."""
    key = f"{place.section}.volume_customer_key"
    return (
        Rule(f"{place.prefix}instance-exists", place.field, (),
             lambda s: not unfit(place.of(s)) and not exists(place.of(s), *place.uses),
             lambda s: alternatives(place.of(s), *place.uses), place.page),
        Rule(f"{place.prefix}image-is-x86", place.field, place.with_fields,
             lambda s: place.active(s) and is_arm(place.of(s)), ARM),
        Rule(f"{place.prefix}image-has-no-driver", place.field, place.with_fields,
             lambda s: place.active(s) and has_other_accelerator(place.of(s)), ACCELERATOR,
             EXCLUSIONS if place.section == "serving" else ""),
        Rule(f"{place.prefix}local-storage-no-key", key, (place.field, *place.with_fields),
             lambda s: place.active(s) and place.keyed(s) and has_local_storage(place.of(s)),
             f"allowed with {{settings.{place.field}}}: false, its local storage is encrypted by "
             "the instance and takes no key", place.page),
    )  # fmt: skip
