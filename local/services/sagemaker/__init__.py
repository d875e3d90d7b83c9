"""SageMaker for the local platform: jobs, registry and endpoints that run the project's code.

Control plane and runtime API are held to botocore's service model; jobs and endpoints run on the
packages and start-up steps of SageMaker's XGBoost image (docs/container.md), as processes with the
container's file and environment contract and the credentials of the execution role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.emulator.extensions import Tables


def attach(tables: Tables) -> None:
    """Extension entry point; imports late because it needs MiniStack loaded."""
    from local.services.sagemaker import extension

    extension.attach(tables)
