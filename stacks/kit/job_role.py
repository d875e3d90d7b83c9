"""The role of a SageMaker job or endpoint: ``JobRuntime``, its log group, and data by policy.

One role for each kind of work. Access to data comes with shared policies where several kinds need
it, and from the stack that knows the prefixes where only one does.
"""

from __future__ import annotations

from collections.abc import Sequence

from constructs import Construct

from stacks.kit.base_stack import stack_of
from stacks.kit.customer_policy import CustomerPolicy
from stacks.kit.foundation import Foundation
from stacks.kit.grants import Grantee
from stacks.kit.runtime_policies import JOB
from stacks.kit.service_role import ServiceRole, ServiceRoleProps


def job_role(
    scope: Construct,
    construct_id: str,
    *,
    description: str,
    foundation: Foundation,
    policies: Sequence[CustomerPolicy],
    path: str | None = None,
) -> ServiceRole:
    """Create the role.

    Args:
        scope: parent construct.
        construct_id: the kind of work.
        description: one sentence shown in the console.
        foundation: boundary and ``JobRuntime``.
        policies: further shared policies that it needs.
        path: IAM path, where it is not that of roles whose calls leave from our network.
    """
    return ServiceRole(
        Construct(scope, construct_id),
        "Execution",
        props=ServiceRoleProps(
            service="sagemaker.amazonaws.com",
            description=description,
            path=path or stack_of(scope).names.role_path,
            boundary=foundation.security.boundary,
            policies=[foundation.security.runtimes.job, *policies],
        ),
    )


def allow_job_logs(grantee: Grantee, log_group: str) -> None:
    """Allow logging under a name that SageMaker gives, such as ``/aws/sagemaker/TrainingJobs``."""
    groups = stack_of(grantee).arn("logs", f"log-group:{log_group}*")
    grantee.allow(
        [
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ],
        [groups],
        reason=JOB,
    )
