"""Whether SageMaker may look at the alarms that roll an update back: the execution role's say.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.emulator import service_roles
from local.sagemaker.errors import ServiceError, access_denied
from local.sagemaker.roles import SAGEMAKER


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
