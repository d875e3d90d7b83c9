"""One delivery stream at work: a thread that empties the buffers when they are due.

Counts are exact by construction: a record is in one of the buffers below, or in an object, or in
an error object, or was dropped by the function. A write that is refused keeps its records in the
buffer and is tried again after a pause, as Firehose retries for a day.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from local.services.firehose import deliver, logs, prefixes
from local.services.firehose.buffer import Buffer, Key, due
from local.services.firehose.config import Destination, LambdaProcessor, Output
from local.services.firehose.prefixes import Partition
from local.services.firehose.transform import Failure, Record, Transformed, transform

logger = logging.getLogger("millrace.firehose")
TICK_SECONDS = 0.1

Metric = Callable[[str, float, str], None]


class Place(NamedTuple):
    """Where an object goes: its prefix, and what its name tells of its oldest record and form."""

    prefix: str
    oldest: float
    extension: str = ""


class StreamWorker:
    """Moves one stream's records: input, Lambda, partitions, objects; errors and backup aside."""

    def __init__(
        self,
        identity: deliver.StreamIdentity,
        destination: Destination,
        metric: Metric,
        run_in_scope: Callable[[Callable[[], None]], None],
    ) -> None:
        self.identity, self.destination = identity, destination
        self._metric = metric
        self._lock = threading.Lock()
        self._input = Buffer()
        self._backup = Buffer()
        self._partitions: dict[Partition, Buffer] = {}
        self._errors: dict[str, Buffer] = defaultdict(Buffer)
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=run_in_scope, args=(self._run,), name=f"firehose-{identity.name}", daemon=True
        )
        self._thread.start()

    def accept(self, records: Iterable[Record]) -> None:
        """Take records from a producer; returns at once."""
        with self._lock:
            for record in records:
                self._input.add(record, len(record.data))
                if self.destination.backup is not None:
                    self._backup.add(record, len(record.data))

    def close(self, seconds: float = 20.0) -> None:
        """Deliver everything that is buffered and end the thread."""
        self._closing.set()
        self._thread.join(timeout=seconds)

    def pending(self) -> int:
        """Records accepted and not yet in an object (the backup copy not counted)."""
        with self._lock:
            buffers = [self._input, *self._partitions.values(), *self._errors.values()]
            return sum(len(buffer.items) for buffer in buffers)

    def _run(self) -> None:
        while not self._closing.wait(TICK_SECONDS):
            self._step(time.monotonic(), everything=False)
        for _ in range(3):
            self._step(time.monotonic(), everything=True)

    def _step(self, now: float, *, everything: bool) -> None:
        try:
            self._process(now, everything)
            self._empty_partitions(now, everything)
            self._empty_errors(now, everything)
            self._empty_backup(now, everything)
        except Exception:
            logger.exception("firehose %s", self.identity.name)

    # -- input to partitions --------------------------------------------------------------------

    def _process(self, now: float, everything: bool) -> None:
        processor = self.destination.processor
        while True:
            batch = self._next_batch(processor, now, everything)
            if not batch:
                return
            released = [Transformed(record, record.data) for record in batch]
            if processor is not None:
                released = self._transform(processor, batch)
            groups, failures = deliver.partition(self.destination, released)
            self._fail(failures)
            self._assign(groups)

    def _next_batch(
        self, processor: LambdaProcessor | None, now: float, everything: bool
    ) -> list[Record]:
        with self._lock:
            if processor is None:
                batch, self._input = self._input.items, Buffer()
                return batch
            if everything or self._input.due(processor.buffering, now):
                return self._input.take(processor.buffering.size)
        return []

    def _transform(self, processor: LambdaProcessor, batch: list[Record]) -> list[Transformed]:
        verdicts = transform(
            self.identity.arn, self.identity.region, self.destination.role_arn, processor, batch
        )
        whole = bool(verdicts.failed) and len(verdicts.failed) == len(batch)
        invoked = not (whole and verdicts.failed[0].code != "Lambda.ProcessingFailedStatus")
        self._metric("ExecuteProcessing.Success", 1 if invoked else 0, "Count")
        self._metric("SucceedProcessing.Records", len(verdicts.released), "Count")
        self._fail(verdicts.failed)
        return verdicts.released

    def _fail(self, failures: Iterable[Failure]) -> None:
        errors = []
        with self._lock:
            for failure in failures:
                self._errors[failure.output_type].add(failure, len(failure.data))
                errors.append((failure.code, failure.message))
        logs.write(self.destination.output, self.identity, errors)

    def _assign(self, groups: dict[Partition, list[Transformed]]) -> None:
        overflow = []
        with self._lock:
            for partition, items in groups.items():
                known = partition in self._partitions
                if not known and len(self._partitions) >= deliver.LARGEST_PARTITIONS:
                    overflow += items
                    continue
                buffer = self._partitions.setdefault(partition, Buffer())
                for item in items:
                    buffer.add(item, len(item.data))
            active = len(self._partitions)
        if self.destination.output.partitioned:
            self._metric("PartitionCount", active, "Count")
            self._metric("PartitionCountExceeded", 1 if overflow else 0, "Count")
        self._fail([deliver.no_room(item) for item in overflow])

    # -- buffers to objects ---------------------------------------------------------------------

    def _due(self, buffers: dict[Key, Buffer], now: float, everything: bool) -> list[Key]:
        with self._lock:
            return due(buffers, self.destination.output.buffering, now, everything)

    def _empty_partitions(self, now: float, everything: bool) -> None:
        for partition in self._due(self._partitions, now, everything):
            with self._lock:
                buffer = self._partitions.pop(partition)
            if not self._write_partition(partition, buffer.items):
                self._put_back(self._partitions, partition, buffer)

    def _write_partition(self, partition: Partition, items: list[Transformed]) -> bool:
        output = self.destination.output
        oldest = min(item.record.arrived for item in items)
        prefix = prefixes.data_prefix(output, oldest, partition)
        failures: list[Failure] = []
        if output.conversion is not None:
            body, failures = deliver.convert_rows(output, items)
            extension = ".parquet"
            self._metric("FailedConversion.Records", len(failures), "Count")
            self._metric("SucceedConversion.Records", len(items) - len(failures), "Count")
        else:
            body, extension = deliver.plain_object(output, (item.data for item in items))
        place = Place(prefix, oldest, extension)
        if body is not None and not self._put(output, place, body, len(items)):
            return False
        self._fail(failures)
        if body is not None:
            self._metric("DeliveryToS3.DataFreshness", max(0.0, time.time() - oldest), "Seconds")
        return True

    def _empty_errors(self, now: float, everything: bool) -> None:
        output = self.destination.output
        for kind in self._due(self._errors, now, everything):
            with self._lock:
                buffer = self._errors.pop(kind)
            lines = [deliver.error_document(f, output, self.identity) for f in buffer.items]
            oldest = min(failure.record.arrived for failure in buffer.items)
            place = Place(prefixes.error_prefix(output, kind, oldest), oldest)
            if not self._put(output, place, b"".join(lines), 0):
                self._put_back(self._errors, kind, buffer)

    def _empty_backup(self, now: float, everything: bool) -> None:
        output = self.destination.backup
        if output is None:
            return
        with self._lock:
            buffer = self._backup
            if not buffer.items or not (everything or buffer.due(output.buffering, now)):
                return
            self._backup = Buffer()
        oldest = min(record.arrived for record in buffer.items)
        body, extension = deliver.plain_object(output, (r.data for r in buffer.items))
        place = Place(prefixes.data_prefix(output, oldest), oldest, extension)
        if not self._put(output, place, body, 0):
            with self._lock:
                self._backup = buffer.before(self._backup)
            return
        self._metric("BackupToS3.Success", 1, "Count")

    def _put(self, output: Output, place: Place, body: bytes, records: int) -> bool:
        stream, version = self.identity.name, self.identity.version
        name = prefixes.object_name(output, stream, version, place.oldest, place.extension)
        key = place.prefix + name
        try:
            deliver.put_object(output, key, body, self.identity.region)
        except Exception as error:
            logger.warning("firehose %s cannot write %s: %s", self.identity.name, key, error)
            self._metric("DeliveryToS3.Success", 0, "Count")
            logs.write(output, self.identity, [(logs.write_error(error), str(error))])
            return False
        self._metric("DeliveryToS3.Success", 1, "Count")
        if records:
            self._metric("DeliveryToS3.Records", records, "Count")
            self._metric("DeliveryToS3.Bytes", len(body), "Bytes")
        return True

    def _put_back(self, buffers: dict[Key, Buffer], key: Key, buffer: Buffer) -> None:
        with self._lock:
            buffers[key] = buffer.before(buffers.get(key, Buffer()))
