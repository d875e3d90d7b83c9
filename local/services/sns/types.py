"""``AWS::SNS::Topic`` with its key, which MiniStack's provisioner drops.

A topic under a customer key can only be published to by those whom the key's policy lets use it;
an alarm that may not is a silent alarm, so it has to show here.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.sns", _topics="scoped")

KEY = "KmsMasterKeyId"


def _set_key(topic_arn: str, props: dict[str, Any]) -> None:
    from ministack.services import sns

    attributes = sns._topics[topic_arn]["attributes"]
    if props.get(KEY):
        attributes[KEY] = props[KEY]
    else:
        attributes.pop(KEY, None)


def attach(tables: Tables) -> None:
    """Wrap MiniStack's topic provisioner."""
    entry = tables.resource_handlers["AWS::SNS::Topic"]
    create, update = entry["create"], entry["update"]

    def create_topic(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        arn, attributes = create(logical_id, props, stack)
        _set_key(arn, props)
        return arn, attributes

    def update_topic(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        arn, attributes = update(physical_id, old, new, *rest)
        _set_key(arn, new)
        return arn, attributes

    entry.update(create=create_topic, update=update_topic)
