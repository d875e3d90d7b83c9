"""The six compliance packs that every deployment is synthesised under.

Apart from ``stacks.kit.nag``, which every stack imports: loading cdk-nag takes a fifth of a second
that a synth without packs does not owe.
"""

from __future__ import annotations

from aws_cdk import App, IPolicyValidationPlugin, Validations
from cdk_nag import (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NagPack,
    NIST80053R4Checks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)

PACKS: tuple[type[NagPack], ...] = (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NIST80053R4Checks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)


def attach(app: App) -> None:
    """Make synth fail on any finding of the six packs that is not acknowledged."""
    plugins: list[IPolicyValidationPlugin] = [pack(app) for pack in PACKS]
    Validations.of(app).add_plugins(*plugins)
