"""Refuse, within a second, the combinations of settings that AWS refuses within half an hour.

Single values are checked by the models in ``config/settings.py``; here are the relations between
them. ``tests/contract/test_settings_rules.py`` has a refused and an accepted neighbour per rule.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel

from config.problems import Location, Problem
from config.rule import Rule
from config.rules_ingestion import GLUE_RULES, INGESTION_RULES
from config.rules_instances import INSTANCE_RULES
from config.rules_network import NETWORK_RULES
from config.rules_operation import OPERATION_RULES
from config.rules_region import REGION_RULES
from config.rules_serving import SERVING_RULES
from config.rules_training import TRAINING_RULES
from config.settings import Settings
from config.source import Source

RULES: tuple[Rule, ...] = (
    *REGION_RULES,
    *NETWORK_RULES,
    *INGESTION_RULES,
    *GLUE_RULES,
    *TRAINING_RULES,
    *INSTANCE_RULES,
    *SERVING_RULES,
    *OPERATION_RULES,
)


def value_at(settings: BaseModel, dotted: str) -> object:
    """The setting at ``dotted``; None where an optional section on the way is None."""
    current: Any = settings
    for step in dotted.split("."):
        if current is None:
            return None
        current = getattr(current, step)
    return current


def _touches(rule: Rule, refused: Collection[Location]) -> bool:
    """Whether the rule reads a setting that is refused by itself, or a section around one."""
    for dotted in rule.reads:
        path = tuple(dotted.split("."))
        for location in refused:
            length = min(len(path), len(location))
            if path[:length] == location[:length]:
                return True
    return False


def broken_rules(
    settings: Settings, source: Source, refused: Collection[Location] = ()
) -> list[Problem]:
    """Every rule that ``settings`` break, as problems in the file they came from.

    Args:
        settings: the settings; where values were refused, with defaults in their place.
        source: the file, for the lines.
        refused: locations of the refused values; rules that read one of them are skipped.
    """
    return [
        source.problem(
            tuple(rule.field.split(".")),
            rule.allows(settings),
            value=value_at(settings, rule.field),
            rule=rule.id,
            evidence=rule.evidence,
        )
        for rule in RULES
        if not _touches(rule, refused) and rule.refused(settings)
    ]
