"""Typed settings: what a team edits in ``config/<environment>.yaml``.

Frozen, closed (an unknown key is an error) and complete: every default stands in the ``settings``
module of its capability (``stacks/<capability>/settings.py``). Combinations that AWS refuses are in
``rules`` beside it; `settings.schema.json` is generated from these models by ``python -m
config.schema``, for editors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from config import forms
from config.section import AccountId, PerSecond, RegionName, Section
from core.names import Scope
from stacks.api.settings import Api
from stacks.audit.settings import Audit
from stacks.backup.settings import Backup
from stacks.ingestion.settings import Ingestion
from stacks.monitoring.settings import Monitoring
from stacks.network.settings import Network
from stacks.perimeter.settings import Perimeter
from stacks.processing.settings import Processing
from stacks.replication.settings import Replication
from stacks.serving.settings import Realtime, Serving
from stacks.training.settings import Training

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


class Retention(Section):
    """How long logs stay, and whether data may be deleted."""

    log_days: LogRetentionDays = 30
    allow_data_deletion: bool = False


ModelName = Annotated[str, Field(pattern=forms.MODEL)]


class ModelSettings(Section):
    """What each model of a deployment has of its own."""

    contract: Path
    training: Training = Training()
    serving: Serving = Realtime()


class SharedSettings(Section):
    """What all models of a deployment have in common."""

    instance: str = Field(pattern=forms.INSTANCE)
    environment: str = Field(pattern=forms.ENVIRONMENT)
    account: AccountId | None = None
    region: RegionName
    owner: Owner
    network: Network
    perimeter: Perimeter = Perimeter()
    replication: Replication | None = None
    backup: Backup | None = None
    ingestion: Ingestion = Ingestion()
    processing: Processing = Processing()
    api: Api = Api()
    monitoring: Monitoring = Monitoring()
    audit: Audit = Audit()
    retention: Retention = Retention()
    reserved_concurrency: dict[str, PerSecond] = Field(default_factory=dict)


class Settings(ModelSettings, SharedSettings):
    """One deployment of Millrace as one of its models sees it.

    A file gives each model under ``models``. One that gives ``contract``, ``training`` and
    ``serving`` at its top has one model, called ``model`` or like the instance.
    """

    model: ModelName = Field(default_factory=lambda given: str(given.get("instance", "")))

    @property
    def scope(self) -> Scope:
        """Of the model's names."""
        return Scope(self.instance, self.environment, self.model)


class SettingsFile(Settings):
    """What a file may say, for editors: one model at its top, or several under ``models``."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["contract"]}, {"required": ["models"]}]}
    )

    contract: Path | None = None  # type: ignore[assignment]
    model: ModelName | None = None  # type: ignore[assignment]
    models: dict[ModelName, ModelSettings] = Field(default_factory=dict)
