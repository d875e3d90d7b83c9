"""What the rollout function is packed from, and whom it calls."""

from __future__ import annotations

from core.workload import Calls, Group, Service
from lambdas.function import Function
from lambdas.rollout.environment import RolloutEnvironment

ROLLOUT = Function(
    environment=RolloutEnvironment,
    group=Group(
        "rollout function",
        (
            Calls(
                Service.SAGEMAKER_API,
                "sets the weights of the variants",
                ("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"),
            ),
            Calls(
                Service.SSM, "moves the model pointers", ("ssm:GetParameters", "ssm:PutParameter")
            ),
            Calls(
                Service.CLOUDFORMATION,
                "updates the serving stack",
                (
                    "cloudformation:DescribeStackEvents",
                    "cloudformation:DescribeStacks",
                    "cloudformation:UpdateStack",
                ),
            ),
            Calls(
                Service.CLOUDWATCH,
                "reads the endpoint's alarms",
                ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"),
            ),
            Calls(
                Service.DYNAMODB,
                "checks that its execution holds the lease",
                ("dynamodb:GetItem", "dynamodb:UpdateItem"),
            ),
        ),
    ),
    core=("names",),
    shared=("errors", "leases", "pointer_store"),
    own=("endpoint", "guardrail", "logic", "serving_stack", "settle"),
)
