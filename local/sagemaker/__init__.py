"""SageMaker for the local platform: jobs, registry and endpoints that run the project's code.

Control plane and runtime API are held to botocore's service model; training runs through the
``sagemaker-training`` toolkit and endpoints through ``sagemaker-inference``, as processes with
the container's file and environment contract and the credentials of the execution role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.emulator.extensions import Tables


def attach(tables: Tables) -> None:
    """Extension entry point; imports late because it needs MiniStack loaded."""
    from local.sagemaker import extension

    extension.attach(tables)
