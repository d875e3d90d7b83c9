"""Entry point of the CDK app: settings and contract → stacks → compliance packs → synth.

Context: ``-c env=<name>`` picks ``config/<name>.yaml`` (default ``dev``); ``-c nag=off`` leaves the
packs out, for benchmarks and for a quick look at a template.
"""

from __future__ import annotations

import sys

from aws_cdk import App

from config.load import load_deployment
from config.problems import ConfigurationError
from stacks import nag
from stacks.application import build
from stacks.constructs.code_bundle import BundleError


def main() -> None:
    """Synthesise one deployment; a wrong setting or contract stops before any construct exists."""
    app = App(analytics_reporting=False)
    try:
        deployment = load_deployment(app.node.try_get_context("env") or "dev")
        build(app, deployment)
    except (ConfigurationError, BundleError) as error:
        sys.exit(str(error))
    if app.node.try_get_context("nag") != "off":
        nag.attach(app)
    app.synth()


if __name__ == "__main__":
    main()
