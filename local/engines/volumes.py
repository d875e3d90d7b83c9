"""The key of a job's or endpoint's volumes: looked at, and used under a grant that somebody makes.

For a job its own role has to be allowed the grant, for an endpoint whoever makes or changes it.
https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_region

from local.emulator import service_roles
from local.engines.errors import access_denied
from local.services.kms.key_policies import customer_key

SAGEMAKER = "sagemaker.amazonaws.com"
# Operation → the members that lead to the key.
_KEYS = {
    "CreateTrainingJob": ("ResourceConfig", "VolumeKmsKeyId"),
    "CreateProcessingJob": ("ProcessingResources", "ClusterConfig", "VolumeKmsKeyId"),
}


def check(operation: str, request: Mapping[str, Any]) -> None:
    """AccessDeniedException unless the role of a job may make the grant of its volumes' key."""
    found: Any = request
    for member in _KEYS.get(operation, ()):
        found = (found or {}).get(member)
    if operation in _KEYS and found:
        try:
            assert_may_grant(request["RoleArn"], str(found), SAGEMAKER)
        except service_roles.AccessDeniedError as error:
            raise access_denied(f"The volume key {found} cannot be used: {error}") from error


def assert_may_grant(role_arn: str, key_reference: str, service: str) -> None:
    """Raise ``AccessDeniedError`` unless a role may describe a key and make a grant on it."""
    key = customer_key(key_reference)
    if key is None:
        return
    account = role_arn.split(":")[4]
    service_roles.assert_allowed(role_arn, "kms:DescribeKey", key, service=service)
    sent = {
        "kms:ViaService": f"sagemaker.{get_region()}.amazonaws.com",
        "kms:GrantIsForAWSResource": "true",
        "kms:CallerAccount": account,
    }
    service_roles.assert_allowed(role_arn, "kms:CreateGrant", key, sent, service=service)
