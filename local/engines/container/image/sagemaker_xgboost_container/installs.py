"""What pip installed for one container, given to later ones with the same code.

Building and installing the user's modules takes pip a second of a processor, and one run of the
platform, or of its tests, starts dozens of containers with the same few files. Only modules without
packaging of their own count: the toolkit writes their ``setup.py``, so what pip makes of them
depends on nothing but them and pip's variables. What fails is never kept, and where no folder is
named pip does it all, as in the image.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

FOLDER = "MILLRACE_INSTALLS"
# Files that make a build, or what it needs, the user's own.
_PACKAGING = ("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt", "MANIFEST.in")
_PIPS_OWN = ("PIP_", "SETUPTOOLS_", "PYTHON")
_PIPS_FILE = "PIP_CONFIG_FILE"


def keep(modules: Any) -> None:
    """Put both steps before the toolkit's: looking at the files, and installing them."""
    folder = os.environ.get(FOLDER)
    if folder:
        steps = _Steps(Path(folder), modules.prepare, modules.install)
        modules.prepare, modules.install = steps.prepare, steps.install


class _Steps:
    """``prepare`` and ``install`` of the toolkit, the second only for what was not kept."""

    def __init__(
        self, folder: Path, prepare: Callable[..., None], install: Callable[..., None]
    ) -> None:
        self._folder, self._prepare, self._install = folder, prepare, install
        self._kept: Path | None = None

    def prepare(self, path: str, name: str) -> None:
        """The toolkit's, once it is known whether the code has packaging of its own."""
        code = Path(path)
        if not any((code / file).exists() for file in _PACKAGING):
            self._kept = self._folder / _digest(code, name)
        self._prepare(path, name)

    def install(self, path: str, capture_error: bool = False) -> None:
        """Copy what an earlier container installed, else let pip do it and keep that."""
        places = {"packages": Path(sysconfig.get_path("purelib")), "code": Path(path)}
        if self._kept is not None and self._kept.is_dir():
            print(f"Installed before by pip from the same files: {self._kept.name}", flush=True)
            for part, place in places.items():
                shutil.copytree(self._kept / part, place, dirs_exist_ok=True)
            return
        before = {part: set(_files(place)) for part, place in places.items()}
        self._install(path, capture_error)
        if self._kept is not None:
            _store(self._kept, places, before)


def _files(place: Path) -> Iterable[Path]:
    return (path.relative_to(place) for path in sorted(place.rglob("*")) if path.is_file())


def _digest(code: Path, name: str) -> str:
    """Of the files and their names, the module's name, and what pip goes by."""
    told = [name, *(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith(_PIPS_OWN))]
    told = [line for line in told if not line.startswith(_PIPS_FILE)]
    found = hashlib.sha256("\n".join(told).encode())
    for file in _files(code):
        content = hashlib.sha256((code / file).read_bytes()).hexdigest()
        found.update(f"\n{content} {file}".encode())
    with contextlib.suppress(OSError):
        found.update(Path(os.environ.get(_PIPS_FILE, "")).read_bytes())
    return found.hexdigest()


def _store(kept: Path, places: dict[str, Path], before: dict[str, set[Path]]) -> None:
    """Whole or not at all; of two containers that start together the first is kept."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=kept.parent))
    for part, place in places.items():
        (draft / part).mkdir()
        for file in set(_files(place)) - before[part]:
            (draft / part / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place / file, draft / part / file)
    try:
        draft.rename(kept)
    except OSError:
        shutil.rmtree(draft)
