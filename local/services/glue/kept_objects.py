"""Objects that earlier Glue runs fetched, for those that read them again unchanged.

A run of the curate job reads the whole table, of which one month is new. Who may read is asked for
every object and every run, by the decision that the request itself would meet (identity policies,
boundary, bucket and key policies, network), and recorded likewise; only the transfer is left out.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.emulator.private_tables import pin
from local.engines.storage import S3Uri

pin("ministack.core.iam_evaluator", pin_request_origin="callable")


@dataclass(frozen=True, slots=True)
class KeptObjects:
    """Copies by bucket, key and ETag in ``folder``; ``access_key`` is of the reader's session."""

    folder: Path
    access_key: str
    region: str

    def copy(self, source: S3Uri, etag: str, target: Path) -> bool:
        """Put the object there if it is held and may be read; else S3 itself is asked."""
        held = self._place(source, etag)
        if not held.exists() or not self._may_read(source):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(held, target)
        return True

    def keep(self, source: S3Uri, etag: str, fetched: Path) -> None:
        """Hold a copy: the run may change its own."""
        held = self._place(source, etag)
        held.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fetched, held)

    def _place(self, source: S3Uri, etag: str) -> Path:
        name = hashlib.sha256(f"{source} {etag}".encode()).hexdigest()
        return self.folder / name[:2] / name

    def _may_read(self, source: S3Uri) -> bool:
        from ministack.core import iam_evaluator as evaluator

        # The run's thread has the origin of the request that started it; S3 is asked over TLS.
        evaluator.pin_request_origin("127.0.0.1", True)
        arn = f"arn:aws:s3:::{source.bucket}/{source.key}"
        denied = evaluator.enforce(self.access_key, "s3:GetObject", "s3", self.region, arn)
        return denied is None
