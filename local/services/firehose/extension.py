"""Firehose as AWS delivers: buffered, transformed in batches, partitioned, converted, backed up.

MiniStack keeps the control plane (create, describe, update, delete) and its prefix and error
rules; it would write one object per record, during the producer's request. Here records are
accepted at once and a thread per stream moves them through the buffers the stream was configured
with. ``stream.py`` holds that thread, ``buffer.py`` what waits, ``transform.py`` the Lambda,
``convert.py`` Parquet, ``deliver.py`` the objects, ``prefixes.py`` where they lie, ``config.py``
what a destination's properties mean, ``limits.py`` what is refused.
"""

from __future__ import annotations

from local.emulator.extensions import Tables
from local.services.firehose import limits
from local.services.firehose.hooks import attach as attach_hooks


def attach(tables: Tables) -> None:
    """Take over delivery to S3 destinations."""
    attach_hooks(tables)
    limits.attach(tables)
