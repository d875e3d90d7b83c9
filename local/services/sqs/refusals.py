"""Queues: encryption and names."""

from __future__ import annotations

import re

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, refuses

QUEUE = "AWS::SQS::Queue"


@refuses("queue-one-encryption", QUEUE)
def _encryption(properties: Properties) -> str | None:
    if not (properties.get("KmsMasterKeyId") and truth(properties.get("SqsManagedSseEnabled"))):
        return None
    return "You can use one type of server-side encryption (SSE) at one time."


@refuses("queue-name-form", QUEUE)
def _queue_name(properties: Properties) -> str | None:
    name = properties.get("QueueName")
    fifo = truth(properties.get("FifoQueue"))
    if name is None:
        return None
    plain = str(name).removesuffix(".fifo") if fifo else str(name)
    if len(str(name)) > 80 or not re.fullmatch("[A-Za-z0-9_-]+", plain):
        return f"QueueName {name}: up to 80 letters, digits, '_' and '-'; .fifo ends FIFO names"
    if fifo and not str(name).endswith(".fifo"):
        return f"QueueName {name}: the name of a FIFO queue ends with .fifo"
    return None
