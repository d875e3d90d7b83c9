"""Apps that tests build in their own process: the context of ``cdk.json``, less what nobody reads.

As in ``app.py``: no tree for editors' views, and no trace of where Node made each construct.
"""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import App

from config.load import REPOSITORY


def new_app(outdir: Path | None = None) -> App:
    """An app without stacks."""
    return App(
        context=json.loads((REPOSITORY / "cdk.json").read_text())["context"],
        outdir=str(outdir) if outdir else None,
        analytics_reporting=False,
        tree_metadata=False,
        post_cli_context={"aws:cdk:disable-creation-stack-traces": True},
    )
