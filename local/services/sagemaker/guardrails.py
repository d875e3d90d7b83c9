"""What an update under a deployment configuration needs: the same variants, and a role for alarms.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.emulator import service_roles
from local.engines.errors import ServiceError, access_denied, validation
from local.engines.roles import SAGEMAKER

_CONFIG, _RETAINED = "DeploymentConfig", "RetainDeploymentConfig"


def with_retained(request: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """The update with the last deployment configuration, if it asks for that one."""
    last = record.get("LastDeploymentConfig")
    if last and request.get(_RETAINED) and _CONFIG not in request:
        return {**request, _CONFIG: last}
    return dict(request)


def check_variants(
    request: Mapping[str, Any], serving: Mapping[str, Any], planned: Mapping[str, Any]
) -> None:
    """ValidationException for a guarded update between configurations of other variants."""
    if not request.get(_CONFIG):
        return
    old, new = _variants(serving), _variants(planned)
    if set(old) != set(new):
        raise validation(
            f"Endpoint configuration {planned['EndpointConfigName']!r} has the variants "
            f"{', '.join(new)}; allowed with a DeploymentConfig: the same names as in "
            f"{serving['EndpointConfigName']!r}, {', '.join(old)}."
        )


def _variants(config: Mapping[str, Any]) -> list[str]:
    return [variant["VariantName"] for variant in config["ProductionVariants"]]


def check_alarms(role_arn: str, config: Mapping[str, Any] | None) -> None:
    """AccessDeniedException unless the role may describe every alarm of the deployment."""
    named = (config or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    for alarm in named:
        arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{alarm['AlarmName']}"
        try:
            service_roles.assert_allowed(
                role_arn, "cloudwatch:DescribeAlarms", arn, service=SAGEMAKER
            )
        except service_roles.AccessDeniedError as error:
            raise _refused(error) from error


def _refused(error: service_roles.AccessDeniedError) -> ServiceError:
    return access_denied(f"The alarms of the deployment cannot be read with its role. {error}")
