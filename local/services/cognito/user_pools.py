"""The keys of a user pool, read where they are.

MiniStack's authorizers fetch them over plain HTTP from the emulator's own port, which serves TLS
only, so that every token would be refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

SUFFIX = "/.well-known/jwks.json"
_MODULE = "ministack.services.apigateway_v1"
pin(_MODULE, _fetch_jwks="callable", _resolve_jwks_url="callable")
pin("ministack.services.cognito", well_known_jwks="callable")


def _in_process(original: Callable[..., Any]) -> Callable[..., Any]:
    async def fetch(url: str) -> Any:
        from ministack.services import cognito

        if not url.endswith(SUFFIX) or not url.startswith("http://"):
            return await original(url)
        pool = url.removesuffix(SUFFIX).rsplit("/", 1)[-1]
        return json.loads(cognito.well_known_jwks(pool)[2])

    return fetch


def attach(_tables: Tables) -> None:
    """Answer for the pools' keys ourselves."""
    replace(_MODULE, "_fetch_jwks", _in_process)
