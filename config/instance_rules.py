"""Instance types that SageMaker does not have for a use, or on which our one image cannot run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

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
from config.rule import AWS, Refused, Rule, asked_of
from config.settings import Settings

EXCLUSIONS = f"{AWS}sagemaker/latest/dg/deployment-guardrails-exclusions.html"


class Instances(Protocol):
    """The settings of a kind of instance."""

    @property
    def instance_type(self) -> str: ...
    @property
    def volume_customer_key(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A section that has instances.

    Attributes:
        section: its name in the settings.
        prefix: how its rules' ids begin.
        uses: what its instances are used for, all of them.
        page: documents type and volume key.
        of: the section; None where the settings make no instances of it.
    """

    section: str
    prefix: str
    uses: tuple[Use, ...]
    page: str
    of: Callable[[Settings], Instances | None]

    @property
    def field(self) -> str:
        return f"{self.section}.instance_type"

    def refuses(self, question: Callable[[Instances], bool]) -> Refused:
        """Put a question to the section; one without instances breaks no rule about them."""
        return asked_of(self.of, question)

    def alternatives(self, settings: Settings) -> str:
        """Types that may stand there instead."""
        instances = self.of(settings)
        return alternatives(instances.instance_type, *self.uses) if instances else ""


def instance_rules(place: Place) -> tuple[Rule, ...]:
    """What the image cannot use is told by itself, whether SageMaker has it or not."""
    key = f"{place.section}.volume_customer_key"
    return (
        Rule(f"{place.prefix}instance-exists", place.field, (),
             place.refuses(lambda i: not unfit(i.instance_type)
                           and not exists(i.instance_type, *place.uses)),
             place.alternatives, place.page),
        Rule(f"{place.prefix}image-is-x86", place.field, (),
             place.refuses(lambda i: is_arm(i.instance_type)), ARM),
        Rule(f"{place.prefix}image-has-no-driver", place.field, (),
             place.refuses(lambda i: has_other_accelerator(i.instance_type)), ACCELERATOR,
             EXCLUSIONS if place.section == "serving" else ""),
        Rule(f"{place.prefix}local-storage-no-key", key, (place.field,),
             place.refuses(lambda i: i.volume_customer_key
                           and has_local_storage(i.instance_type)),
             f"allowed with {{settings.{place.field}}}: false, its local storage is encrypted by "
             "the instance and takes no key", place.page),
    )  # fmt: skip
