"""Entry of the processing jobs: ``python3 run.py evaluate|monitor …``.

Shipped as a file of its own: it unpacks the source archive that lies beside it, or in the input
``source``, and hands over. It imports nothing but the standard library until then.
"""

from __future__ import annotations

import importlib
import sys
import tarfile
import tempfile
from pathlib import Path

COMMANDS = {
    "evaluate": "model_code.evaluation.evaluate",
    "monitor": "model_code.monitoring.monitor",
}


def find_source(here: Path) -> Path:
    """The source archive; S3 may have named it after its digest.

    Raises:
        SystemExit: there is none.
    """
    for folder in (here.parent, here.parent.parent / "source"):
        for path in sorted(folder.glob("*")):
            if path.is_file() and path != here and tarfile.is_tarfile(path):
                return path
    raise SystemExit(f"no source archive beside {here} or in {here.parent.parent / 'source'}")


def main() -> None:
    """Unpack and run the command that the first argument names."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in COMMANDS:
        raise SystemExit(f"command is {command!r}; allowed: {', '.join(COMMANDS)}")
    here = Path(__file__).resolve()
    code = tempfile.mkdtemp(prefix="source-")
    with tarfile.open(find_source(here)) as archive:
        archive.extractall(code, filter="data")
    sys.path.insert(0, code)
    # <base>/input/code/run.py
    importlib.import_module(COMMANDS[command]).main(sys.argv[2:], here.parents[2])


if __name__ == "__main__":
    main()
