"""What CloudFormation takes as the answer of a custom resource, and what it calls a failure.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.cloudformation.custom_resource"
MOST_BYTES = 4096
pin(_MODULE, deliver_response="callable")


def refusal(answer: dict[str, Any]) -> str:
    """Why CloudFormation refuses the answer; empty if it does not."""
    if len(json.dumps(answer).encode()) > MOST_BYTES:
        return "Response object is too long."
    if answer.get("Status") not in ("SUCCESS", "FAILED"):
        return "Invalid Status: allowed: SUCCESS or FAILED"
    if answer["Status"] == "SUCCESS" and not answer.get("PhysicalResourceId"):
        return "Invalid PhysicalResourceId"
    if answer["Status"] == "FAILED" and not answer.get("Reason"):
        return "Invalid Reason: required with Status FAILED"
    return ""


def _judged(original: Callable[..., bool]) -> Callable[..., bool]:
    def deliver_response(token: str, response: dict[str, Any]) -> bool:
        reason = refusal(response)
        return original(token, {"Status": "FAILED", "Reason": reason} if reason else response)

    return deliver_response


def attach(_tables: Tables) -> None:
    """Judge each answer before the stack sees it."""
    replace(_MODULE, "deliver_response", _judged)
