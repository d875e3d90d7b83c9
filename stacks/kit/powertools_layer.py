"""The Powertools layer, one version per stack.

A layer shared across stacks by reference blocks its own replacement, so each stack that holds
functions has its own version of the same bytes. ``make layer`` builds the archive from hash-pinned
wheels; synth never fetches.
"""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

from bundles.archives import ROOT, BundleError

LAYER = ROOT / "build" / "layers" / "powertools.zip"
CONSTRUCT_ID = "PowertoolsLayer"
RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64


def powertools_layer(stack: Stack) -> lambda_.ILayerVersion:
    """The stack's layer version, created on first use.

    Raises:
        BundleError: the layer has not been built.
    """
    existing = stack.node.try_find_child(CONSTRUCT_ID)
    if isinstance(existing, lambda_.LayerVersion):
        return existing
    if not LAYER.is_file():
        raise BundleError("build/layers/powertools.zip is missing; `make layer` builds it")
    return lambda_.LayerVersion(
        stack,
        CONSTRUCT_ID,
        code=lambda_.Code.from_asset(str(LAYER)),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
        description="Powertools for AWS Lambda: structured logs, metrics, tracing",
    )
