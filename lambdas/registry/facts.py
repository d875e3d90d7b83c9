"""What the registry function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import Calls, Group, Service
from lambdas.function import Function
from lambdas.registry.environment import RegistryEnvironment

REGISTRY = Function(
    environment=RegistryEnvironment,
    group=Group(
        "registry function",
        (
            Calls(Service.S3, "reads evaluations", ("s3:GetObject",)),
            Calls(
                Service.SAGEMAKER_API,
                "describes and registers packages",
                ("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"),
            ),
            Calls(Service.SSM, "reads the champion's pointer", ("ssm:GetParameter",)),
        ),
    ),
    core=("contract", "documents", "names"),
    shared=("errors",),
    own=("logic",),
    asks_task=True,
)
