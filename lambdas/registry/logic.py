"""The request that registers a model package, and what to read out of one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from core.names import MODEL_ENVIRONMENT
from model_code.tasks.task import Task

CONTENT_TYPE = "application/json"
_NOT_IN_METADATA = re.compile(r"[^\w .:/=+\-@]")
# SageMaker's limits on a metadata value and on a client token.
METADATA_CHARACTERS = 256
TOKEN_CHARACTERS = 36


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model that passed the gate."""

    run_id: str
    training_job: str
    model_data_url: str
    evaluation_uri: str
    contract_version: str
    snapshots: dict[str, str]
    """Of the tables that it was trained on, by stream: with them its training set can be made
    again, as long as they are kept."""


def package_request(
    group: str, image_uri: str, candidate: Candidate, evaluation: dict[str, Any], task: Task
) -> dict[str, Any]:
    """``CreateModelPackage``: how to serve the model, how good it is, where it comes from.

    The client token is derived from run and job, so a repeated call registers nothing twice.
    """
    token = hashlib.sha256(f"{candidate.run_id} {candidate.training_job}".encode()).hexdigest()
    return {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": f"Run {candidate.run_id}, training job {candidate.training_job}",
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": image_uri,
                    "ModelDataUrl": candidate.model_data_url,
                    "Environment": dict(MODEL_ENVIRONMENT),
                }
            ],
            "SupportedContentTypes": [CONTENT_TYPE],
            "SupportedResponseMIMETypes": [CONTENT_TYPE],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": CONTENT_TYPE, "S3Uri": candidate.evaluation_uri}
            }
        },
        "CustomerMetadataProperties": metadata(candidate, evaluation, task),
        "ClientToken": token[:TOKEN_CHARACTERS],
    }


def metadata(candidate: Candidate, evaluation: dict[str, Any], task: Task) -> dict[str, str]:
    """The short model card: origin, hold-out metrics with intervals, difference to the champion."""
    card = {
        "run_id": candidate.run_id,
        "training_job": candidate.training_job,
        "contract_version": candidate.contract_version,
        "holdout_rows": evaluation["candidate"]["rows"],
        **{f"{stream}_snapshot": found for stream, found in candidate.snapshots.items()},
    }
    for metric in task.metrics:
        # Null where labels are all the same.
        if evaluation["candidate"].get(metric.key):
            card[metric.key] = _interval(evaluation["candidate"][metric.key])
    for name, difference in evaluation["difference"].items():
        card[f"{name}_difference_to_champion"] = _interval(difference)
    return {key: _clean(value) for key, value in card.items()}


def _interval(metric: dict[str, float | None]) -> str:
    """Value and interval; the value alone where the days could not tell."""
    shown = f"{metric['value']:.5f}"
    if metric["low"] is None or metric["high"] is None:
        return shown
    return f"{shown} {metric['low']:.5f} to {metric['high']:.5f}"


def _clean(value: object) -> str:
    return _NOT_IN_METADATA.sub(" ", str(value))[:METADATA_CHARACTERS]


def model_data_url(package: dict[str, Any]) -> str:
    """Where the package's model.tar.gz lies, from ``DescribeModelPackage``.

    Raises:
        LookupError: the package has no container with a model.
    """
    for container in package.get("InferenceSpecification", {}).get("Containers", []):
        if container.get("ModelDataUrl"):
            return str(container["ModelDataUrl"])
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        if source.get("S3Uri"):
            return str(source["S3Uri"])
    raise LookupError(f"package {package.get('ModelPackageArn')} has no model data")
