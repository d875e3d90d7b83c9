"""Data capture: requests and answers of an endpoint in SageMaker's JSON-lines format on S3.

Lines are buffered per variant and hour and stored by a thread, as the execution role and under
the configured key. A flush happens every two seconds, when a buffer is full, and when capture
closes (update, deletion, shutdown): a captured record is lost only if S3 keeps refusing it.
Format: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engines.host import scoped
from local.engines.roles import RoleSession
from local.engines.storage import S3Uri

FLUSH_SECONDS = 2.0
FULL_LINES = 500
_ATTEMPTS = 3
_log = logging.getLogger("millrace.sagemaker")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One invocation: what was asked, what was answered, and how it is identified."""

    variant: str
    request: bytes
    request_type: str
    answer: bytes
    answer_type: str
    inference_id: str | None = None
    custom_attributes: str | None = None


class Capture:
    """Captures the exchanges of one endpoint under one DataCaptureConfig."""

    def __init__(self, endpoint: str, config: Mapping[str, Any], session: RoleSession) -> None:
        self._endpoint = endpoint
        self._target = S3Uri.parse(config["DestinationS3Uri"])
        self._share = config["InitialSamplingPercentage"] / 100
        self._kms_key = config.get("KmsKeyId")
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        header = config.get("CaptureContentTypeHeader", {})
        self._json_types = set(header.get("JsonContentTypes", []))
        self._csv_types = set(header.get("CsvContentTypes", []))
        self._client = session.client("s3")
        self._lines: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self.failed_lines = 0
        self._thread = scoped(self._loop, f"capture-{endpoint}")

    def add(self, exchange: Exchange) -> None:
        """Capture one exchange, or not, as the sampling percentage says."""
        if self._share < 1 and random.random() >= self._share:  # noqa: S311
            return
        moment = datetime.now(UTC)
        line = json.dumps(self._event(exchange, moment), separators=(",", ":"))
        with self._lock:
            lines = self._lines[(exchange.variant, f"{moment:%Y/%m/%d/%H}")]
            lines.append(line)
            full = len(lines) >= FULL_LINES
        if self._closed.is_set():
            # A request that chose this capture just before it was replaced.
            self._flush()
        elif full:
            self._wake.set()

    def close(self) -> None:
        """Store what is buffered and end the thread."""
        self._closed.set()
        self._wake.set()
        self._thread.join(timeout=30)

    def _event(self, exchange: Exchange, moment: datetime) -> dict[str, Any]:
        data = {}
        if self._modes & {"Input", "InputAndOutput"}:
            data["endpointInput"] = self._part("INPUT", exchange.request, exchange.request_type)
        if self._modes & {"Output", "InputAndOutput"}:
            data["endpointOutput"] = self._part("OUTPUT", exchange.answer, exchange.answer_type)
        metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if exchange.custom_attributes is not None:
            metadata["customAttributes"] = [exchange.custom_attributes]
        if exchange.inference_id is not None:
            metadata["inferenceId"] = exchange.inference_id
        metadata["inferenceTime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}

    def _part(self, mode: str, body: bytes, content_type: str) -> dict[str, str]:
        plain = content_type.partition(";")[0].strip()
        encoding = "JSON" if plain in self._json_types else "BASE64"
        encoding = "CSV" if plain in self._csv_types else encoding
        data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
        return {
            "observedContentType": content_type,
            "mode": mode,
            "data": data,
            "encoding": encoding,
        }

    def _loop(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            batch = dict(self._lines)
            self._lines.clear()
        for (variant, hour), lines in batch.items():
            name = f"{datetime.now(UTC):%M-%S-%f}-{uuid.uuid4()}.jsonl"
            target = self._target.child(f"{self._endpoint}/{variant}/{hour}/{name}")
            self._put(target, "".join(f"{line}\n" for line in lines).encode(), len(lines))

    def _put(self, target: S3Uri, body: bytes, lines: int) -> None:
        extra = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._kms_key}
            if self._kms_key
            else {}
        )
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._client.put_object(
                    Bucket=target.bucket,
                    Key=target.key,
                    Body=body,
                    ContentType="application/jsonlines",
                    **extra,
                )
                return
            except (ClientError, BotoCoreError) as error:
                _log.error("capture to %s failed (attempt %d): %s", target, attempt, error)
                if isinstance(error, ClientError):
                    break
        self.failed_lines += lines
