"""A settings file as each of its models sees it: what all share, and its own at the top.

A file with ``models`` is read once for each of them, so that rules and rooms know one model only.
What they refuse is told where it stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from config import forms
from config.problems import Location, Problem
from config.settings import ModelSettings
from config.source import Source

MODELS = "models"
OWN = tuple(ModelSettings.model_fields)
_ONE = (*OWN, "model")


def views(source: Source) -> tuple[list[Source], list[Problem]]:
    """One source for each model, and what is wrong with ``models`` itself."""
    if MODELS not in source.data:
        return [source], []
    problems = list(_problems(source))
    given = source.data[MODELS]
    known = given if isinstance(given, dict) else {}
    return [_view(source, name) for name, own in known.items() if _is_model(name, own)], problems


def _is_model(name: object, own: object) -> bool:
    return isinstance(own, dict) and isinstance(name, str) and bool(re.fullmatch(forms.MODEL, name))


def _problems(source: Source) -> Iterator[Problem]:
    for key in _ONE:
        if key in source.data:
            yield source.problem((key,), f"allowed without {MODELS}; of several, each has its own")
    given = source.data[MODELS]
    if not isinstance(given, dict) or not given:
        yield source.problem((MODELS,), "allowed: names of models, each with its contract")
        return
    for name, own in given.items():
        here: Location = (MODELS, name)
        if not isinstance(name, str) or not re.fullmatch(forms.MODEL, name):
            yield source.problem((MODELS, str(name)), f"allowed: {forms.FORMS[forms.MODEL]}",
                                 value=name)  # fmt: skip
        elif not isinstance(own, dict):
            yield source.problem(here, f"allowed: {', '.join(OWN)}")
        else:
            for key in own:
                if key not in OWN:
                    allowed = f"unknown key; allowed: {', '.join(OWN)}"
                    yield source.problem((*here, key), allowed, value=key)


def _view(source: Source, name: str) -> Source:
    own = source.data[MODELS][name]
    shared = {key: value for key, value in source.data.items() if key not in (MODELS, *_ONE)}
    mine = {key: value for key, value in own.items() if key in OWN}

    def moved(location: Location) -> Location | None:
        if location[:1] != (MODELS,):
            return location if location[:1] not in {(key,) for key in _ONE} else None
        return location[2:] if location[:2] == (MODELS, name) and len(location) > 2 else None

    lines = {there: line for at, line in source.lines.items() if (there := moved(at))}
    if (MODELS, name) in source.lines:
        lines["model",] = source.lines[MODELS, name]
    refused = tuple(there for at in source.refused if (there := moved(at)))
    return Source(
        source.name,
        {**shared, **mine, "model": name},
        lines,
        source.problems,
        refused,
        within=OWN,
        place=(MODELS, name),
        named="model",
    )
