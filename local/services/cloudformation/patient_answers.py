"""The CDK CLI looks at a stack every five seconds; here most stacks take one.

So the CLI is answered when the stack has ended what it is at, or when the CLI would have looked
again. Everybody else is answered at once: what a stack is at is what they ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.cloudformation.handlers", _resolve_stack="callable")

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]
CLI = "aws-cdk"
LONGEST_SECONDS, LOOK_SECONDS = 5.0, 0.05
# A stack under review waits for the CLI itself.
ENDED = ("_COMPLETE", "_FAILED", "REVIEW_IN_PROGRESS")


def status_of(name: str) -> str:
    """The state of a stack; that of one which nobody knows has ended."""
    from ministack.services.cloudformation import handlers

    stack = handlers._resolve_stack(name)
    return str(stack["StackStatus"]) if stack else "DELETE_COMPLETE"


def asked_for(headers: dict[str, str], body: bytes) -> str:
    """The one stack that the CLI asks for; empty for any other request."""
    if CLI not in headers.get("user-agent", ""):
        return ""
    given = parse_qs(body.decode("utf-8", errors="replace"))
    named = given.get("StackName", [""])[0]
    return named if given.get("Action") == ["DescribeStacks"] else ""


def patient(original: Handler) -> Handler:
    """The handler, which lets the CLI wait."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        name = asked_for(headers, body)
        looks = int(LONGEST_SECONDS / LOOK_SECONDS)
        while name and looks and not status_of(name).endswith(ENDED):
            await asyncio.sleep(LOOK_SECONDS)
            looks -= 1
        return await original(method, path, headers, body, query)

    return handle


def attach(tables: Tables) -> None:
    """Before whatever CloudFormation answers."""
    tables.service_handlers["cloudformation"] = patient(tables.service_handlers["cloudformation"])
