"""What the lock files of the image pin."""

from __future__ import annotations

import re

from local.engines.container import build

LOCKED = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)


def locked() -> dict[str, str]:
    files = (build.PACKAGES, build.TOOLKIT)
    return {name: version for file in files for name, version in LOCKED.findall(file.read_text())}
