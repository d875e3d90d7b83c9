"""The image's Python environment, ``build/container/venv``: what ``make setup`` makes.

Run as ``python -m local.engines.container.build``. The image has Python 3.12; where the machine
has none, its own Python takes the place and the run says so. Packages come from two locked files.
The toolkit is apart: its source package wants a C compiler for an extension that nothing here
uses, so it is installed without that extension (docs/container.md).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "build" / "container"
VENV = BASE / "venv"
PACKAGES = ROOT / "requirements-container.txt"
TOOLKIT = ROOT / "requirements-toolkit.txt"
IMAGE_PYTHON = (3, 12)
# The toolkit's C extension. It is imported for its file's name, which MPI preloads, and MPI spans
# several hosts, which no job here has; a module of that name takes its place.
_EXTENSION = "ext_modules=[gethostname]"
_IN_ITS_PLACE = '"""Not built: only MPI training preloads this extension (docs/container.md)."""\n'
# What the image's Dockerfile changes in the installed toolkit.
_PATCHED_FILE = "sagemaker_containers/_mapping.py"
_PATCH = ("collections.Mapping", "collections.abc.Mapping")


def main() -> None:
    """Make the environment anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="the Python to use, instead of the first 3.12 found")
    given = parser.parse_args().python
    interpreter = given or find_python()
    if BASE.is_symlink():
        sys.exit(f"{BASE} is a link to another's environment, which would be lost; remove the link")
    shutil.rmtree(BASE, ignore_errors=True)
    BASE.mkdir(parents=True)
    _uv("venv", "--quiet", "--python", interpreter, str(VENV))
    _uv(
        "pip", "install", "--quiet", "--python", str(python()), "--require-hashes",
        "--only-binary", ":all:", "--compile-bytecode", "--requirements", str(PACKAGES),
    )  # fmt: skip
    _install_toolkit()
    _patch_toolkit()
    _run([str(python()), "-m", "compileall", "-q", str(site_packages() / "sagemaker_containers")])
    print(f"container environment: {describe()}")


def python() -> Path:
    """The environment's interpreter."""
    return VENV / "bin" / "python"


def site_packages() -> Path:
    """Where the environment's packages lie; RuntimeError before ``make setup``."""
    found = sorted(VENV.glob("lib/python3.*/site-packages"))
    if not found:
        raise RuntimeError(f"{VENV} holds no Python environment; run `make setup`")
    return found[0]


def describe() -> str:
    """Which Python stands in for the image's."""
    version = site_packages().parent.name.removeprefix("python")
    wanted = ".".join(map(str, IMAGE_PYTHON))
    same = "as the image" if version == wanted else f"the image has {wanted}"
    return f"Python {version} ({same})"


def find_python() -> str:
    """The first working Python 3.12 of the machine, else the Python that runs this."""
    for path in _candidates():
        if _version(path) == IMAGE_PYTHON:
            return path
    return sys.executable


def _candidates() -> Iterator[str]:
    name = "python" + ".".join(map(str, IMAGE_PYTHON))
    for folder in os.get_exec_path():
        yield str(Path(folder, name))
    # A version manager's commands fail unless its version is switched on; its versions work.
    for path in sorted(Path.home().glob(f".pyenv/versions/*/bin/{name}"), reverse=True):
        yield str(path)


def _version(path: str) -> tuple[int, ...] | None:
    if not os.access(path, os.X_OK):
        return None
    program = "import sys, venv; print(*sys.version_info[:2])"
    done = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def _install_toolkit() -> None:
    """Fetch the source packages by their hashes, leave the extension out, install the rest."""
    fetched = BASE / "toolkit"
    pip = [str(python()), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # The environment itself has the setuptools to build with, as the image has.
    _run(
        [*pip, "download", "--require-hashes", "--no-deps", "--no-build-isolation", "--no-binary",
         ":all:", "--dest", str(fetched), "--requirement", str(TOOLKIT)]
    )  # fmt: skip
    for archive in fetched.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(fetched, filter="data")
    sources = sorted(path for path in fetched.iterdir() if path.is_dir())
    (setup,) = fetched.glob("sagemaker_containers-*/setup.py")
    setup.write_text(_replaced(setup, _EXTENSION, "ext_modules=[]"))
    _run([*pip, "install", "--no-index", "--no-deps", "--no-build-isolation", *map(str, sources)])
    (site_packages() / "gethostname.py").write_text(_IN_ITS_PLACE)
    shutil.rmtree(fetched)


def _patch_toolkit() -> None:
    path = site_packages() / _PATCHED_FILE
    path.write_text(_replaced(path, *_PATCH))


def _replaced(path: Path, old: str, new: str) -> str:
    text = path.read_text()
    if old not in text:
        raise RuntimeError(f"{path} no longer holds {old!r}; see docs/container.md")
    return text.replace(old, new)


def _uv(*arguments: str) -> None:
    _run([sys.executable, "-m", "uv", *arguments])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"})


if __name__ == "__main__":
    main()
