"""Refuse, within a second, the combinations of settings that AWS refuses within half an hour.

Single values are checked by the settings' models; the relations between them stand in the ``rules``
of each capability. ``tests/contract/test_settings_rules.py`` has a refused and an accepted
neighbour per rule.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from config import deployment_rules, regions
from config.problems import Location, Problem
from config.rule import Rule
from config.settings import Settings
from config.source import Source
from stacks import registry
from stacks.api import rules as api
from stacks.ingestion import rules as ingestion
from stacks.monitoring import rules as monitoring
from stacks.network import rules as network
from stacks.perimeter import rules as perimeter
from stacks.processing import rules as processing
from stacks.serving import rules as serving
from stacks.training import rules as training

RULES: tuple[Rule, ...] = (
    *regions.RULES,
    *network.RULES,
    *perimeter.RULES,
    *registry.rules(),
    *ingestion.RULES,
    *processing.RULES,
    *training.RULES,
    *serving.RULES,
    *monitoring.RULES,
    *api.RULES,
    *deployment_rules.RULES,
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
    several = bool(source.place)
    return [
        _problem(rule, settings, source)
        for rule in RULES
        if not (several and rule.by_all) and not _touches(rule, refused) and rule.refused(settings)
    ]


def broken_by_all(models: Sequence[Settings], source: Source) -> list[Problem]:
    """Rules that all models of a deployment have to break, where they do."""
    return [
        _problem(rule, models[0], source)
        for rule in RULES
        if rule.by_all and all(map(rule.refused, models))
    ]


def _problem(rule: Rule, settings: Settings, source: Source) -> Problem:
    return source.problem(
        tuple(rule.field.split(".")),
        rule.allows(settings),
        value=value_at(settings, rule.field),
        rule=rule.id,
        evidence=rule.evidence,
    )
