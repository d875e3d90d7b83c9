"""Which container images this platform can run, and with what.

There is no container runtime here: an image is "run" by a Python environment that holds the
packages of SageMaker XGBoost 3.2-0 at its versions (docs/container.md). That is honest for the
SageMaker XGBoost images in script mode and for nothing else, so every other image fails the job.
"""

from __future__ import annotations

import re

# The account differs by Region; the repository name and tag format do not.
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
_XGBOOST = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/sagemaker-xgboost:\d+\.\d+-\d+"
    r"(-cpu-py3)?(@sha256:[0-9a-f]{64})?"
)


def runs(image: str | None) -> bool:
    """Whether this platform can run ``image``."""
    return bool(image and _XGBOOST.fullmatch(image))


def refusal(image: str | None) -> str:
    """Why a job with ``image`` fails here, for its FailureReason."""
    return (
        f"ClientError: The local platform cannot run image {image!r}: it runs the SageMaker "
        f"XGBoost images (<account>.dkr.ecr.<region>.amazonaws.com/sagemaker-xgboost:<tag>) "
        f"and no other image."
    )
