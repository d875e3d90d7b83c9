"""Entry point of the CDK app: settings and contract → stacks → compliance packs → synth.

Context: ``-c env=<name>`` picks ``config/<name>.yaml`` (default ``dev``); ``-c nag=off`` leaves the
packs out, for benchmarks and for a quick look at a template (``--no-validation`` leaves out CDK's
own check of the templates). ``cdk.json`` runs this with ``-O``: jsii then skips its run-time check
of every argument's type, which mypy has made already and the tests, run without it, repeat.

Left out is what nobody reads: the CDK's statistics of its own use (``versionReporting`` is off),
the tree for editors' views, and of each construct where Node made it (below Python that is always
"no user code"; ``cdk --debug`` still writes it).
"""

from __future__ import annotations

import gc
import os
import sys

# On two cores the threads that node compiles and collects on cost more than they save.
os.environ.setdefault("NODE_OPTIONS", "--v8-pool-size=1")
# The CDK's modules are some hundred thousand long-lived objects: collecting cycles among them takes
# a quarter of their import time and frees nothing before the process ends.
gc.disable()

from aws_cdk import App

from bundles.archives import BundleError
from config.load import load_deployment
from config.problems import ConfigurationError
from stacks.application import build


def main() -> None:
    """Synthesise one deployment; a wrong setting or contract stops before any construct exists."""
    app = App(
        analytics_reporting=False,
        tree_metadata=False,
        post_cli_context={"aws:cdk:disable-creation-stack-traces": True},
    )
    try:
        deployment = load_deployment(app.node.try_get_context("env") or "dev")
        build(app, deployment)
    except (ConfigurationError, BundleError) as error:
        sys.exit(str(error))
    if app.node.try_get_context("nag") != "off":
        from stacks.kit import packs  # noqa: PLC0415 - loading the packs takes as long as a stack

        packs.attach(app)
    app.synth()
    # So does the collection that ends a process: it would look at every one of those objects again.
    gc.freeze()


if __name__ == "__main__":
    main()
