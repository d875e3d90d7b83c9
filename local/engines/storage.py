"""Transfers between S3 and a job's directory, with the credentials of the job's role.

Many small Parquet or JSON files are the rule, so transfers run on a few threads. Keys come from
the bucket and become file names: one that would leave the target directory is refused.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_THREADS = 8


class TransferError(Exception):
    """A download or upload failed; the text names the object and S3's own reason."""


@dataclass(frozen=True, slots=True)
class S3Uri:
    """Bucket and key (or key prefix) of an ``s3://`` URI."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        """ValueError when ``uri`` is not ``s3://bucket[/key]``."""
        if not uri.startswith("s3://") or len(uri) <= len("s3://"):
            raise ValueError(f"not an S3 URI: {uri!r}")
        bucket, _, key = uri[len("s3://") :].partition("/")
        return cls(bucket, key)

    def child(self, name: str) -> S3Uri:
        """The URI of ``name`` under this prefix."""
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def download_file(client: Any, source: S3Uri, target: Path) -> Path:
    """Fetch one object; TransferError says which and why not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as sink:
            for chunk in client.get_object(Bucket=source.bucket, Key=source.key)[
                "Body"
            ].iter_chunks(1 << 20):
                sink.write(chunk)
    except (ClientError, BotoCoreError) as error:
        raise TransferError(f"Failed to download {source}: {error}") from error
    return target


def keys_under(client: Any, prefix: S3Uri) -> list[str]:
    """All object keys that start with ``prefix``, without folder markers."""
    try:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=prefix.bucket, Prefix=prefix.key
        )
        return [
            item["Key"]
            for page in pages
            for item in page.get("Contents", [])
            if not item["Key"].endswith("/")
        ]
    except (ClientError, BotoCoreError) as error:
        raise TransferError(f"Failed to list {prefix}: {error}") from error


def download_prefix(client: Any, prefix: S3Uri, target: Path) -> int:
    """Copy the objects under ``prefix`` to ``target`` and return how many there were.

    Names are relative to the prefix's last slash, as SageMaker does: ``s3://b/data/part`` with
    the key ``data/part-0.csv`` becomes ``part-0.csv``; an exact key becomes its base name.
    """
    target.mkdir(parents=True, exist_ok=True)
    keys = keys_under(client, prefix)
    base = prefix.key if prefix.key.endswith("/") else prefix.key.rpartition("/")[0] + "/"
    # A folder named without its trailing slash: SageMaker strips the whole folder name.
    folder = prefix.key + "/"
    if prefix.key and keys and all(key.startswith(folder) for key in keys):
        base = folder
    jobs = [(S3Uri(prefix.bucket, key), _inside(target, key.removeprefix(base))) for key in keys]
    _run_all(lambda job: download_file(client, *job), jobs)
    return len(keys)


def upload_file(client: Any, source: Path, target: S3Uri, kms_key: str | None = None) -> None:
    """Store one file, under the KMS key when one is given (else the bucket's default)."""
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    try:
        with source.open("rb") as body:
            client.put_object(Bucket=target.bucket, Key=target.key, Body=body, **extra)
    except (ClientError, BotoCoreError) as error:
        raise TransferError(f"Failed to upload {target}: {error}") from error


def upload_tree(client: Any, source: Path, target: S3Uri, kms_key: str | None = None) -> int:
    """Store every file below ``source`` under the prefix ``target``; return how many."""
    jobs = [(path, target.child(path.relative_to(source).as_posix())) for path in files_in(source)]
    upload_files(client, jobs, kms_key)
    return len(jobs)


def upload_files(
    client: Any, jobs: Iterable[tuple[Path, S3Uri]], kms_key: str | None = None
) -> None:
    """Store several files, a few at a time."""
    _run_all(lambda job: upload_file(client, job[0], job[1], kms_key), list(jobs))


def files_in(directory: Path) -> Iterator[Path]:
    """Regular files below ``directory`` in a stable order."""
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def pack(directory: Path, archive: Path) -> None:
    """Write the content of ``directory`` as a gzipped tar with relative names."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(directory.iterdir()):
            tar.add(path, arcname=path.name)


def unpack(archive: Path, directory: Path) -> None:
    """Extract a gzipped tar; members that would leave ``directory`` are refused."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:*") as tar:
            tar.extractall(directory, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise TransferError(f"{archive.name} is not a readable tar.gz: {error}") from error


def _inside(target: Path, relative: str) -> Path:
    path = (target / relative).resolve()
    if not path.is_relative_to(target.resolve()):
        raise TransferError(f"key {relative!r} would leave the job's directory")
    return path


def _run_all(work: Any, jobs: list[Any]) -> None:
    if len(jobs) <= 1:
        for job in jobs:
            work(job)
        return
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        # list() re-raises the first failure.
        list(pool.map(work, jobs))
