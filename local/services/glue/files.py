"""The bridge between a Glue job's ``s3://`` arguments and local directories.

Spark's S3 file system comes from jars that no Python package carries, so a script run here
cannot open ``s3://`` itself. Instead arguments named ``--input_<name>`` and ``--output_<name>``
are mirrored: inputs are copied down before the script starts, the script gets local paths, and
what it changed below an output is copied up after it succeeded. The rules, all of them:

- A value ending in ``/`` is a folder, any other is one object; an input may list several,
  separated by commas. ``s3://bucket/key`` becomes ``<root>/bucket/key``, so one location given
  twice is one directory, and locations inside each other stay inside each other.
- Before it lists a folder, or writes into one, the file system of Glue's Spark asks whether there
  is an object of the folder's name, without the slash, and then for the folder's marker; before it
  writes, for those of the folders around it too. It takes 404 for an answer. A role that may read
  ``events/*`` only gets 403, and the job fails as on AWS.
- An output that is also an input (or inside one) starts with what is there, so a script that
  overwrites single partitions keeps the others. ``--output_mode_<name> merge`` asks for the same
  without an input. Any other output starts empty and replaces the whole prefix.
- After success, changed files are uploaded and vanished ones deleted, as the job's role. After a
  failure nothing is: on AWS a failed job may leave part of its output behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.engines import storage
from local.engines.storage import S3Uri

_INPUT, _OUTPUT, _MODE = "--input_", "--output_", "--output_mode_"
MARKER = "_$folder$"
_Stamp = tuple[int, int]


@dataclass(slots=True)
class Mirror:
    """The local copies of one run's locations; ``client`` signs as the job's role.

    ``kept`` has objects that earlier runs fetched.
    """

    client: Any
    root: Path
    kept: storage.Kept | None = None
    _before: dict[Path, _Stamp] = field(default_factory=dict)
    _outputs: list[S3Uri] = field(default_factory=list)

    def fetch(self, arguments: Mapping[str, str]) -> dict[str, str]:
        """Copy the inputs and return the arguments with local paths; TransferError on refusal."""
        inputs = [uri for name, value in arguments.items() if _is_input(name)
                  for uri in _uris(value)]  # fmt: skip
        for uri in inputs:
            self._download(uri)
        for name, value in arguments.items():
            if _is_output(name):
                self._prepare(name, value, arguments, inputs)
        self._before = {path: _stamp(path) for path in storage.files_in(self.root)}
        return {name: self._local(name, value) for name, value in arguments.items()}

    def publish(self) -> int:
        """Make each output prefix equal to its directory; return the number of changed objects."""
        changed = 0
        for uri in self._outputs:
            changed += self._publish(uri)
        return changed

    def _download(self, uri: S3Uri) -> None:
        if uri.key.endswith("/") or not uri.key:
            self._look_for(uri)
            self.path(uri).mkdir(parents=True, exist_ok=True)
            storage.download_prefix(self.client, uri, self.path(uri), self.kept)
        else:
            storage.download_file(self.client, uri, self.path(uri))

    def _look_for(self, folder: S3Uri) -> None:
        """Ask as EMRFS does: HEAD of the folder's name and of its marker, before it lists."""
        name = folder.key.rstrip("/")
        for key in (name, name + MARKER) if name else ():
            asked = S3Uri(folder.bucket, key)
            try:
                self.client.head_object(Bucket=asked.bucket, Key=asked.key)
            except ClientError as error:
                if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
                    raise storage.TransferError(f"Failed to look for {asked}: {error}") from error

    def _prepare(
        self, name: str, value: str, arguments: Mapping[str, str], inputs: list[S3Uri]
    ) -> None:
        merge = arguments.get(_MODE + name.removeprefix(_OUTPUT)) == "merge"
        for uri in _uris(value):
            held = any(str(uri).startswith(str(given)) for given in inputs)
            if merge and not held:
                self._download(uri)
            for folder in _folders(uri):
                self._look_for(folder)
            target = self.path(uri) if uri.key.endswith("/") else self.path(uri).parent
            target.mkdir(parents=True, exist_ok=True)
            self._outputs.append(uri)

    def _publish(self, uri: S3Uri) -> int:
        local = self.path(uri)
        files = {
            self._key(path): path
            for path in (storage.files_in(local) if local.is_dir() else [local])
            if path.is_file() and not _is_checksum(path)
        }
        remote = set(storage.keys_under(self.client, uri))
        fresh = [
            (path, S3Uri(uri.bucket, key))
            for key, path in files.items()
            if key not in remote or self._before.get(path) != _stamp(path)
        ]
        storage.upload_files(self.client, fresh)
        gone = sorted(remote - files.keys())
        storage.delete_keys(self.client, uri.bucket, gone)
        return len(fresh) + len(gone)

    def path(self, uri: S3Uri) -> Path:
        """Where the location lies locally."""
        path = (self.root / uri.bucket / uri.key).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise storage.TransferError(f"{uri} would leave the job's directory")
        return path

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix().partition("/")[2]

    def _local(self, name: str, value: str) -> str:
        if not (_is_input(name) or _is_output(name)):
            return value
        return ",".join(self._spelled(uri) for uri in _uris(value)) or value

    def _spelled(self, uri: S3Uri) -> str:
        return str(self.path(uri)) + ("/" if uri.key.endswith("/") or not uri.key else "")


def _is_input(name: str) -> bool:
    return name.startswith(_INPUT)


def _is_output(name: str) -> bool:
    return name.startswith(_OUTPUT) and not name.startswith(_MODE)


def _folders(uri: S3Uri) -> list[S3Uri]:
    """The folders on the way to a location, itself included if it is one; not the bucket."""
    parts = uri.key.split("/")[:-1]
    return [S3Uri(uri.bucket, "/".join(parts[: n + 1]) + "/") for n in range(len(parts))]


def _uris(value: str) -> list[S3Uri]:
    return list(_parsed(value))


def _parsed(value: str) -> Iterator[S3Uri]:
    for part in value.split(","):
        if part.strip().startswith("s3://"):
            yield S3Uri.parse(part.strip())


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _is_checksum(path: Path) -> bool:
    """Hadoop's local file system keeps a hidden checksum beside each file."""
    return path.name.startswith(".") and path.name.endswith(".crc")
