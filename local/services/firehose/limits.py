"""A stream made or changed by a call meets the rules that a template meets.

They stand in ``local.emulator.refusals``, which CloudFormation asks by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.emulator import refusals
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.firehose"
_TYPE = "AWS::KinesisFirehose::DeliveryStream"
_DESTINATION = "ExtendedS3DestinationConfiguration"
pin(_MODULE, _create_delivery_stream="callable", _update_destination="callable")

# Bytes of the records of one PutRecordBatch.
# https://docs.aws.amazon.com/firehose/latest/dev/limits.html
LARGEST_BATCH = 4 * 1024 * 1024


def _checked(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(data: dict[str, Any]) -> Any:
        from ministack.services import firehose

        found = refusals.of_call(_TYPE, data)
        return firehose._invalid(found) if found else original(data)

    return create


def _checked_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(data: dict[str, Any]) -> Any:
        from ministack.services import firehose

        stream = firehose._streams.get(data.get("DeliveryStreamName", ""))
        change = dict(data.get("ExtendedS3DestinationUpdate") or {})
        if stream is None or not change:
            return original(data)
        if "S3BackupUpdate" in change:
            change["S3BackupConfiguration"] = change.pop("S3BackupUpdate")
        old = {_DESTINATION: stream["destinations"][0]["config"]}
        new = {_DESTINATION: {**old[_DESTINATION], **change}}
        try:
            refusals.check(_TYPE, stream["name"], new)
            refusals.check_change(_TYPE, stream["name"], old, new)
        except ValueError as error:
            return firehose._invalid(str(error))
        return original(data)

    return update


def attach(_tables: Tables) -> None:
    """Ask when a stream is made or changed."""
    from ministack.services import firehose

    replace(_MODULE, "_create_delivery_stream", _checked)
    replace(_MODULE, "_update_destination", _checked_update)
    firehose._HANDLERS["CreateDeliveryStream"] = firehose._create_delivery_stream
    firehose._HANDLERS["UpdateDestination"] = firehose._update_destination
