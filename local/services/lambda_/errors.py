"""A failed function reports the class of what it raised, as AWS Lambda does.

MiniStack calls every exception ``Runtime.HandlerError``. State machines match ``Retry`` and
``Catch`` on the class, so without it no retry of a function's own error would ever happen here.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

pin("ministack.services.lambda_svc", _execute_function_warm="callable")

UNNAMED = "Runtime.HandlerError"
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$", re.MULTILINE)


def raised_class(trace: str, message: str) -> str | None:
    """Class name of the exception that ended a traceback with this message, without its module."""
    first = message.partition("\n")[0]
    for found in reversed(list(_RAISED.finditer(trace))):
        if (found[2] or "") == first:
            return found[1].rpartition(".")[2]
    return None


def _named(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        result = original(*arguments, **keywords)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == UNNAMED:
            name = raised_class(str(result.get("log", "")), str(body.get("errorMessage", "")))
            body["errorType"] = name or UNNAMED
        return result

    return execute


def attach(_tables: Tables) -> None:
    """Name the class in the answer of every function that failed."""
    replace("ministack.services.lambda_svc", "_execute_function_warm", _named)
