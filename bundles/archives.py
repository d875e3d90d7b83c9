"""Byte-stable archives of the code that runs in Lambda, Glue and SageMaker.

CDK hashes an asset's bytes. An archive that carried file times, owners or the order of a directory
listing would change that hash on every machine, and with it every template; so entries are sorted
and carry a fixed time, owner and mode. Archives are content-addressed below ``build/bundles/``:
deployments with different contracts, and tests that run side by side, cannot overwrite each other.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bundles import contents
from core import names

ROOT = Path(__file__).resolve().parents[1]
BUNDLES = ROOT / "build" / "bundles"
FIXED_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

# Script mode runs a file at the archive's root; the code it runs lives in a package.
TRAIN_ENTRY = "from model_code.training.train import main\n\nmain()\n"


class BundleError(Exception):
    """A source that an archive needs is not there."""


def files(modules: Iterable[str], under: str = "") -> dict[str, bytes]:
    """Modules of the repository by their path, below ``under`` (ends in a slash).

    Raises:
        BundleError: one does not exist.
    """
    absent = [name for name in modules if not (ROOT / name).is_file()]
    if absent:
        raise BundleError(f"{', '.join(absent)} does not exist; it belongs in an archive")
    return {f"{under}{name}": (ROOT / name).read_bytes() for name in modules}


def contract_bytes(contract: Mapping[str, Any]) -> bytes:
    """The compiled contract as the bytes that every layer reads."""
    return (json.dumps(contract, indent=1, ensure_ascii=False) + "\n").encode()


def _zip(entries: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, FIXED_ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name])
    return buffer.getvalue()


def _tar_gz(entries: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(entries):
            info = tarfile.TarInfo(name)
            info.size = len(entries[name])
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(entries[name]))
    return buffer.getvalue()


def _write(name: str, content: bytes) -> Path:
    """Store an archive under its digest; atomic, because two synths may run at once."""
    folder = BUNDLES / hashlib.sha256(content).hexdigest()[:16]
    target = folder / name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    Path(temporary).replace(target)
    return target


def contract_file(contract: Mapping[str, Any]) -> Path:
    """The compiled contract as a file of its own, for jobs that take its location."""
    return _write(names.CONTRACT_FILE, contract_bytes(contract))


def function_bundle(function: str, contract: Mapping[str, Any]) -> Path:
    """Archive of one Lambda function, with the contract.

    Raises:
        BundleError: the function has no list of modules, or one of them does not exist.
    """
    modules = contents.FUNCTIONS.get(function)
    if modules is None:
        raise BundleError(f"{function} has no list of modules; it belongs in lambdas/functions.py")
    own = {names.CONTRACT_FILE: contract_bytes(contract)}
    return _write(f"{function}.zip", _zip(files(modules) | own))


def glue_bundle() -> Path:
    """Modules that the Glue scripts import (``--extra-py-files``)."""
    return _write("glue.zip", _zip(files(contents.GLUE)))


def source_bundle() -> Path:
    """``sourcedir.tar.gz`` of training (script mode) and processing jobs."""
    entry = {"train.py": TRAIN_ENTRY.encode()}
    return _write("sourcedir.tar.gz", _tar_gz(files(contents.TRAINING) | entry))


def archive(name: str, entries: Mapping[str, bytes]) -> Path:
    """A byte-stable ``.tar.gz`` or ``.zip`` of the given entries, by the name's suffix."""
    return _write(name, _zip(entries) if name.endswith(".zip") else _tar_gz(entries))


def pack_folder(folder: Path, target: Path) -> None:
    """Write every file below a folder to a byte-stable zip, by path from the folder.

    CDK hashes and copies one archive at synth where it would walk hundreds of files.
    """
    files = (path for path in folder.rglob("*") if path.is_file())
    content = _zip({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})
    temporary = target.with_suffix(".partial")
    temporary.write_bytes(content)
    temporary.replace(target)


if __name__ == "__main__":
    pack_folder(*map(Path, sys.argv[1:]))
