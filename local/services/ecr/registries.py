"""AWS's registries of SageMaker images, which any account may pull from and nobody may list.

https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.ecr"
# Tags of the framework images that the pages list for XGBoost.
TAGS = frozenset({"1.7-1", "3.0-5", "3.2-0"})
pin(_MODULE, _batch_get_image="callable")


def _registries() -> tuple[str, dict[str, str]]:
    from config.load import REPOSITORY

    table = yaml.safe_load((REPOSITORY / "config" / "images.yaml").read_text())["xgboost"]
    return table["repository"], table["registries"]


def _of_aws(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(request: dict[str, Any]) -> Any:
        from ministack.core.responses import (
            error_response_json,
            get_account_id,
            get_region,
            json_response,
        )

        registry = request.get("registryId", get_account_id())
        if registry == get_account_id():
            return original(request)
        repository, registries = _registries()
        if registry != registries.get(get_region()) or request["repositoryName"] != repository:
            message = (
                f"The repository with name '{request['repositoryName']}' does not exist in the "
                f"registry with id '{registry}'"
            )
            return error_response_json("RepositoryNotFoundException", message, 400)
        found = [i for i in request["imageIds"] if i.get("imageTag") in TAGS]
        failures = [
            {"imageId": image, "failureCode": "ImageNotFound",
             "failureReason": "Requested image not found"}
            for image in request["imageIds"]
            if image not in found
        ]  # fmt: skip
        images = [
            {"registryId": registry, "repositoryName": repository, "imageId": image}
            for image in found
        ]
        return json_response({"images": images, "failures": failures})

    return get


def attach(_tables: Tables) -> None:
    """Answer for the registry of the Region."""
    replace(_MODULE, "_batch_get_image", _of_aws)
