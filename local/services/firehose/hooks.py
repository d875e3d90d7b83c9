"""Where MiniStack's Firehose hands records over: puts, the Kinesis source, delete and shutdown.

Who puts records into a stream under a customer key needs that key, too, through Firehose:
https://github.com/ministryofjustice/modernisation-platform/issues/12957.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.services.cloudwatch import metrics
from local.services.firehose import deliver
from local.services.firehose.config import read_destination
from local.services.firehose.limits import LARGEST_BATCH
from local.services.firehose.stream import StreamWorker
from local.services.firehose.transform import Record
from local.services.kms import key_policies

_MODULE = "ministack.services.firehose"
_S3_TYPES = ("ExtendedS3", "S3")
LARGEST_RECORD = 1000 * 1024

pin(
    _MODULE,
    _HANDLERS=dict,
    _deliver_records_to_s3="callable",
    ingest_from_kinesis_source="callable",
    _delete_delivery_stream="callable",
    _record_id="callable",
    _not_found="callable",
    _invalid="callable",
)

_workers: dict[str, tuple[Any, StreamWorker]] = {}
_lock = threading.Lock()


def workers() -> list[StreamWorker]:
    """The workers of all live streams."""
    with _lock:
        return [worker for _, worker in _workers.values()]


def _worker(stream: dict[str, Any]) -> StreamWorker | None:
    """The stream's worker, replaced (after delivering) when its destination was updated."""
    destination = next((d for d in stream["destinations"] if d["type"] in _S3_TYPES), None)
    if destination is None:
        return None
    shape = (stream["version"], id(destination["config"]))
    with _lock:
        known = _workers.get(stream["arn"])
        if known is not None and known[0] == shape:
            return known[1]
        worker = _start(stream, destination["config"])
        _workers[stream["arn"]] = (shape, worker)
    if known is not None:
        known[1].close()
    return worker


def _start(stream: dict[str, Any], config: dict[str, Any]) -> StreamWorker:
    from ministack.core.responses import request_scope

    region, account = stream["arn"].split(":")[3:5]
    identity = deliver.StreamIdentity(
        stream["name"], stream["arn"], stream["version"], account, region
    )

    def in_scope(work: Callable[[], None]) -> None:
        with request_scope(account, region):
            work()

    def metric(name: str, value: float, unit: str) -> None:
        dimensions = {"DeliveryStreamName": identity.name}
        metrics.put("AWS/Firehose", name, value, unit, dimensions)

    return StreamWorker(identity, read_destination(config), metric, in_scope)


def _accept(stream: dict[str, Any], payloads: Iterable[bytes]) -> list[str]:
    from ministack.services import firehose

    now = time.time()
    records = [Record(firehose._record_id(), payload, now) for payload in payloads]
    worker = _worker(stream)
    if worker is not None:
        worker.accept(records)
    dimensions = {"DeliveryStreamName": stream["name"]}
    size = sum(len(record.data) for record in records)
    metrics.put("AWS/Firehose", "IncomingRecords", len(records), "Count", dimensions)
    metrics.put("AWS/Firehose", "IncomingBytes", size, "Bytes", dimensions)
    return [record.id for record in records]


def _only_s3(stream: dict[str, Any] | None) -> bool:
    return stream is not None and all(d["type"] in _S3_TYPES for d in stream["destinations"])


def _key_refusal(stream: dict[str, Any]) -> Any:
    """The answer to a caller without the stream's key; None for who may use it."""
    from ministack.core.responses import get_region, json_response

    encryption = stream.get("encryption") or {}
    if not _encrypted(stream) or encryption.get("KeyType") != "CUSTOMER_MANAGED_CMK":
        return None
    key = encryption.get("KeyARN", "")
    action = key_policies.refused_to_caller(key, "firehose", get_region())
    if action is None:
        return None
    said = {
        "__type": "InvalidKMSResourceException",
        "code": "AccessDeniedException",
        "message": f"The grant for the CMK to delivery stream {stream['name']} might have been "
        f"revoked or caller might not have sufficient permissions for the CMK: {action} on {key}.",
    }
    return json_response(said, 400)


def _decode(data: str) -> bytes:
    payload = base64.b64decode(data)
    if len(payload) > LARGEST_RECORD:
        raise ValueError("Record size exceeds 1,000 KiB limit.")
    return payload


def _put_record(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(data: dict[str, Any]) -> Any:
        from ministack.core.responses import json_response
        from ministack.services import firehose

        stream = firehose._streams.get(data.get("DeliveryStreamName", ""))
        if stream is None or not _only_s3(stream):
            return original(data)
        if refused := _key_refusal(stream):
            return refused
        try:
            payload = _decode(data.get("Record", {}).get("Data", ""))
        except ValueError as error:
            return firehose._invalid(str(error))
        record_id = _accept(stream, [payload])[0]
        return json_response({"RecordId": record_id, "Encrypted": _encrypted(stream)})

    return put


def _put_record_batch(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(data: dict[str, Any]) -> Any:
        from ministack.core.responses import json_response
        from ministack.services import firehose

        stream = firehose._streams.get(data.get("DeliveryStreamName", ""))
        entries = data.get("Records") or []
        if stream is None or not _only_s3(stream) or not 0 < len(entries) <= 500:
            return original(data)
        if refused := _key_refusal(stream):
            return refused
        try:
            payloads = [_decode(entry.get("Data", "")) for entry in entries]
        except ValueError as error:
            return firehose._invalid(str(error))
        if sum(map(len, payloads)) > LARGEST_BATCH:
            return firehose._invalid("Records size exceeds 4 MB limit")
        ids = _accept(stream, payloads)
        return json_response(
            {
                "FailedPutCount": 0,
                "Encrypted": _encrypted(stream),
                "RequestResponses": [{"RecordId": record_id} for record_id in ids],
            }
        )

    return put


def _encrypted(stream: Any) -> bool:
    return ((stream or {}).get("encryption") or {}).get("Status") == "ENABLED"


def _from_kinesis(_original: Callable[..., Any]) -> Callable[..., Any]:
    def ingest(stream_arn: str, records: list[tuple[str, bytes]]) -> None:
        from ministack.services import firehose

        for stream in list(firehose._streams.values()):
            source = (stream.get("kinesis_source") or {}).get("KinesisStreamARN")
            if source == stream_arn and _only_s3(stream):
                _accept(stream, [payload for _, payload in records])

    return ingest


def _delete(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(data: dict[str, Any]) -> Any:
        from ministack.services import firehose

        stream = firehose._streams.get(data.get("DeliveryStreamName", ""))
        answer = original(data)
        if stream is not None:
            with _lock:
                known = _workers.pop(stream["arn"], None)
            if known is not None:
                # Not on this thread: it may be the event loop's, which the last writes need.
                threading.Thread(target=known[1].close, daemon=True).start()
        return answer

    return delete


def _close_all() -> None:
    for worker in workers():
        worker.close()


def attach(tables: Tables) -> None:
    """Replace the record path; control-plane operations stay MiniStack's."""
    from ministack.services import firehose

    firehose._HANDLERS["PutRecord"] = _put_record(firehose._HANDLERS["PutRecord"])
    firehose._HANDLERS["PutRecordBatch"] = _put_record_batch(firehose._HANDLERS["PutRecordBatch"])
    firehose._HANDLERS["DeleteDeliveryStream"] = _delete(firehose._HANDLERS["DeleteDeliveryStream"])
    replace(_MODULE, "_delete_delivery_stream", _delete)
    replace(_MODULE, "ingest_from_kinesis_source", _from_kinesis)
    tables.on_shutdown(_close_all)
