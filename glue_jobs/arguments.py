"""Job arguments: what ``getResolvedOptions`` does, without Glue's own library.

Glue starts a script with arguments of its own (``--JOB_NAME``, ``--enable-metrics``, some with a
value, some without), so unknown ones are ignored. ``awsglue`` exists in Glue's image only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def parse(
    arguments: Sequence[str], required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, str]:
    """Values by name. An empty value counts as absent.

    Raises:
        SystemExit: a required argument is absent; the message names all of them.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in (*required, *optional):
        parser.add_argument(f"--{name}", default="")
    known, _ = parser.parse_known_args(list(arguments))
    values = {name: value for name, value in vars(known).items() if value}
    absent = [f"--{name}" for name in required if name not in values]
    if absent:
        raise SystemExit(f"arguments are missing: {', '.join(absent)}")
    return values
