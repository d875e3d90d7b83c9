"""A thin Python environment for one container, over the image's.

The toolkit installs the user's code with pip when a job or server starts. In the shared environment
two containers would overwrite each other's modules and every later one would find them; so each
gets an environment of its own, whose packages are the image's until it installs some. Making one
writes a dozen small files.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.engines.container import build

IMAGE_FILES = Path(__file__).with_name("image")
_NGINX = Path(__file__).with_name("nginx.py")
# Commands of the image that run here: module and function.
COMMANDS = {
    "train": ("sagemaker_containers.cli.train", "main"),
    "serve": ("sagemaker_xgboost_container.serving", "serving_entrypoint"),
    "gunicorn": ("gunicorn.app.wsgiapp", "run"),
}
# The two first lines are read by sh, the rest by Python: a first line may not name a long path.
_COMMAND = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from {module} import {function}
sys.exit({function}())
"""
# A container's first seconds are imports, of which nothing is given back: at Python's own threshold
# looking for cycles among them takes a quarter of all processes of a start.
_RARELY = 100_000
# The path of a socket: 104 bytes on macOS with the ending zero, 108 on Linux.
LONGEST_SOCKET = 103
# Nothing listens there: whatever would leave the machine fails at once, as in isolated subnets.
NO_ROUTE = "http://127.0.0.1:9"
# pip waits and repeats; the answer stays the same.
_PIP = f"[global]\nproxy = {NO_ROUTE}\nretries = 0\ndisable-pip-version-check = true\n"


@dataclass(frozen=True, slots=True)
class Overlay:
    """``root`` holds bin and lib; ``temporary`` stands for the container's ``/tmp``."""

    root: Path
    temporary: Path

    @property
    def python(self) -> str:
        """The container's interpreter."""
        return str(self.root / "bin" / "python")

    def environment(self) -> dict[str, str]:
        """The variables that lead a process into this environment, and nowhere outside."""
        return {
            "PIP_CONFIG_FILE": str(self.root / "pip.conf"),
            "TMPDIR": str(self.temporary),
            "TEMP": str(self.temporary),
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NO_ROUTE),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1"),
        }

    def remove(self) -> None:
        """Delete both directories."""
        for path in (self.root, self.temporary):
            shutil.rmtree(path, ignore_errors=True)


def create(root: Path) -> Overlay:
    """A fresh environment at ``root``; what was there before goes."""
    shutil.rmtree(root, ignore_errors=True)
    image = build.site_packages()
    packages = root / image.relative_to(build.VENV)
    commands = root / "bin"
    packages.mkdir(parents=True)
    commands.mkdir()
    shutil.copy(build.VENV / "pyvenv.cfg", root)
    # addsitedir reads the image's own .pth files; without them Python 3.12 has no distutils.
    (packages / "image.pth").write_text(
        f"{IMAGE_FILES}\nimport gc; gc.set_threshold({_RARELY})\n"
        f"import site; site.addsitedir({str(image)!r})\n"
    )
    for name in ("python", "python3", image.parent.name):
        (commands / name).symlink_to(build.python().resolve())
    for name, (module, function) in COMMANDS.items():
        python = commands / "python"
        _program(commands / name, _COMMAND.format(python=python, module=module, function=function))
    _program(commands / "nginx", f'#!/bin/sh\nexec "{commands}/python" -I -S "{_NGINX}" "$@"\n')
    (root / "pip.conf").write_text(_PIP)
    return Overlay(root, _temporary())


def _temporary() -> Path:
    """A directory of one's own whose path is short enough for the sockets in it."""
    path = Path(tempfile.mkdtemp(prefix="millrace-"))
    if len(str(path / "gunicorn.sock")) <= LONGEST_SOCKET:
        return path
    path.rmdir()
    return Path(tempfile.mkdtemp(prefix="millrace-", dir="/tmp"))


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
