"""Which container images this platform can run.

There is no container runtime here: an image is "run" by a Python environment that holds the
packages of SageMaker XGBoost 3.2-0 at its versions (docs/container.md). That is honest for this
version in script mode and for nothing else, so every other image fails the job.
"""

from __future__ import annotations

import re

VERSION = "3.2-0"
# The account differs by Region; the repository name and tag format do not.
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
_XGBOOST = re.compile(
    rf"\d{{12}}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/sagemaker-xgboost:{VERSION}"
    r"(-cpu-py3)?(@sha256:[0-9a-f]{64})?"
)


def runs(image: str | None) -> bool:
    """Whether this platform can run ``image``."""
    return bool(image and _XGBOOST.fullmatch(image))


def refusal(image: str | None) -> str:
    """Why a job with ``image`` fails here, for its FailureReason."""
    return (
        f"ClientError: The local platform cannot run image {image!r}: it has the packages of "
        f"<account>.dkr.ecr.<region>.amazonaws.com/sagemaker-xgboost:{VERSION} and of no other "
        f"image."
    )
