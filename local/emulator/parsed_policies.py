"""Policy documents are parsed once: MiniStack parses every one anew at each decision.

A decision reads some eight documents as JSON text (role, boundary, key, bucket), and the demo takes
about 30,000 decisions. The same text means the same statements, so the text itself is the key: a
changed policy is another text, and nothing has to be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import replace

_EVALUATOR = "ministack.core.iam_evaluator"
_DOCUMENTS = 1024


def _parsed_once(original: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    parsed = lru_cache(_DOCUMENTS)(original)

    def parse_policy_document(document: Any) -> list[Any]:
        # The evaluator only reads statements; the list is the caller's own.
        return list(parsed(document)) if isinstance(document, str) else original(document)

    return parse_policy_document


@lru_cache(_DOCUMENTS)
def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _loaded_once(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate_resource_policy(document: Any, *args: Any, **kwargs: Any) -> Any:
        known = _loaded(document) if isinstance(document, str) else document
        return original(known, *args, **kwargs)

    return evaluate_resource_policy


def attach(_tables: Tables) -> None:
    """Keep what was parsed."""
    replace(_EVALUATOR, "parse_policy_document", _parsed_once)
    replace(_EVALUATOR, "evaluate_resource_policy", _loaded_once)
