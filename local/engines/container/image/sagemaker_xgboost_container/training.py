"""The image's ``SAGEMAKER_TRAINING_MODULE``: installs the job's sources and runs its program.

Only script mode: without a program the image would train by its own algorithm.
"""

from __future__ import annotations

import sys
from typing import Any

from sagemaker_containers.beta import framework

from . import installs


def train(environment: Any) -> None:
    """Run the user's program as a module, with hyperparameters as arguments."""
    if environment.user_entry_point is None:
        raise NotImplementedError(
            "sagemaker_program is missing; the local platform has script mode only"
        )
    installs.keep(framework.modules)
    framework.modules.run_module(
        environment.module_dir,
        environment.to_cmd_args(),
        environment.to_env_vars(),
        environment.module_name,
        capture_error=False,
    )


def main() -> None:
    """What the toolkit calls."""
    train(framework.training_env())
    # The toolkit writes its file `success` after this call; the image ends before that.
    sys.exit(0)
