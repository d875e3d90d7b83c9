"""``States.JsonToString`` keeps letters as they are: it is what people read of a notification."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.stepfunctions"
pin(_MODULE, _exec_intrinsic="callable", _eval_intrinsic_arg="callable")


def _keeping_letters(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(node: tuple[str, str, list[Any]], data: Any, context: Any) -> Any:
        from ministack.services import stepfunctions

        if node[1] != "States.JsonToString":
            return original(node, data, context)
        value = stepfunctions._eval_intrinsic_arg(node[2][0], data, context)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    return execute


def attach(_tables: Tables) -> None:
    """Write text as Step Functions does."""
    replace(_MODULE, "_exec_intrinsic", _keeping_letters)
