"""CloudFormation tells EventBridge about every change of a stack's status, as on AWS.

MiniStack records stack events and publishes none, so a rule that waits for the end of an update
would never fire here. Published on a thread of its own: a target may call CloudFormation back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks-event-bridge.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

logger = logging.getLogger("millrace.stack_events")

_MODULES = tuple(
    f"ministack.services.cloudformation.{name}" for name in ("stacks", "handlers", "changesets")
)
for _module in _MODULES:
    pin(_module, _add_event="callable")
pin("ministack.services.eventbridge", _put_events="callable")

STACK_TYPE = "AWS::CloudFormation::Stack"


def publish(stack_id: str, status: str, reason: str) -> None:
    """Put one status change on the default bus; a failure is logged, as delivery is best effort."""
    from ministack.services import eventbridge

    detail = {
        "stack-id": stack_id,
        "status-details": {"status": status, "status-reason": reason},
    }
    entry = {
        "Source": "aws.cloudformation",
        "DetailType": "CloudFormation Stack Status Change",
        "Detail": json.dumps(detail),
        "Resources": [stack_id],
    }
    try:
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:
        logger.warning("%s of %s was not published", status, stack_id, exc_info=True)


def _published(original: Callable[..., None]) -> Callable[..., None]:
    def add_event(  # noqa: PLR0917 (as MiniStack calls it)
        stack_id: str, stack_name: str, logical_id: str, resource_type: str, status: str,
        reason: str = "", *rest: Any, **keywords: Any,
    ) -> None:  # fmt: skip
        original(stack_id, stack_name, logical_id, resource_type, status, reason, *rest, **keywords)
        # A nested stack is a resource of its parent under another name, and not this stack.
        if resource_type == STACK_TYPE and logical_id == stack_name:
            threading.Thread(
                target=contextvars.copy_context().run,
                args=(publish, stack_id, status, reason),
                name="stack-event",
                daemon=True,
            ).start()

    return add_event


def attach(_tables: Tables) -> None:
    """Publish what every part of CloudFormation records."""
    for module in _MODULES:
        replace(module, "_add_event", _published)
