"""Streaming ingestion: a delivery stream and a transform function for each kind of record."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from config.load import Deployment
from core import names
from lambdas.transform.environment import TransformEnvironment
from stacks.data_lake.outputs import Lake
from stacks.data_lake.producers import stream_producers
from stacks.ingestion.delivery_stream import RecordDelivery, RecordDeliveryProps
from stacks.ingestion.outputs import Ingestion
from stacks.kit.base_stack import BaseStack
from stacks.kit.foundation import Foundation
from stacks.kit.grants import allow_pseudonyms
from stacks.kit.platform_function import PlatformFunction, PlatformFunctionProps

# Firehose waits five minutes at most for a transformation.
TRANSFORM_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class IngestionProps:
    """What ingestion stands on."""

    foundation: Foundation
    lake: Lake


class IngestionStack(BaseStack):
    """``outputs``: what later stacks watch."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: IngestionProps) -> None:
        super().__init__(
            scope,
            "ingestion",
            deployment=deployment,
            description="Millrace: delivery streams for events and labels, transform functions",
        )
        self._props = props
        transforms = {stream: self._define_transform(stream) for stream in names.STREAMS}
        deliveries = {
            stream: RecordDelivery(
                self,
                f"{stream.capitalize()}Delivery",
                stack=self,
                props=RecordDeliveryProps(
                    stream=stream,
                    foundation=props.foundation,
                    lake=props.lake,
                    transform=transforms[stream],
                ),
            )
            for stream in names.STREAMS
        }
        stream_producers(
            self,
            streams=[delivery.stream_arn for delivery in deliveries.values()],
            key=props.foundation.keys.raw,
        )
        self.outputs = Ingestion(
            stream_names={stream: each.stream_name for stream, each in deliveries.items()},
            platform_functions=self.platform_functions,
        )

    def _define_transform(self, stream: str) -> PlatformFunction:
        security = self._props.foundation.security
        function = PlatformFunction(
            self,
            f"{stream.capitalize()}Transform",
            props=PlatformFunctionProps(
                environment=TransformEnvironment(
                    stream=stream, pseudonym_key_arn=security.pseudonym_key.key_arn
                ),
                description=f"Validates and pseudonymises {stream}",
                foundation=self._props.foundation,
                memory_megabytes=self.settings.ingestion.transform_memory_megabytes,
                timeout_seconds=TRANSFORM_TIMEOUT_SECONDS,
            ),
        )
        allow_pseudonyms(function.role, security)
        return function
