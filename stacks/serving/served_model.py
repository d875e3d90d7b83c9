"""A SageMaker model made from whatever package a pointer names.

Models and configurations are create-only, so a roll-out makes new ones. Their names carry the
package's version and a digest of their shape: new name when either changes, hence no collision
while the old one still exists, and a prefix that the roll-out's role can be held to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnParameter, Fn, Stack
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.kit.base_stack import ModelStack
from stacks.kit.nag import except_from_review

DIGEST = 8


def package_parameter(stack: ModelStack, variant: str) -> CfnParameter:
    """A CloudFormation parameter that takes its value from the variant's pointer on each update."""
    return CfnParameter(
        stack,
        f"{variant.capitalize()}Package",
        type="AWS::SSM::Parameter::Value<String>",
        default=stack.names.pointer(variant),
        description=f"Pointer to the model package that the {variant} variant serves",
    )


def package_version(package_arn: str) -> str:
    """Last part of a package's ARN: its version in the group."""
    return Fn.select(2, Fn.split("/", package_arn))


def shape_digest(stack: Stack, shape: Mapping[str, Any]) -> str:
    """Digest of properties as the template will show them."""
    resolved = stack.resolve(dict(shape))
    return hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:DIGEST]


def served_model(
    scope: Construct,
    construct_id: str,
    *,
    stack: ModelStack,
    variant: str,
    package_arn: str,
    role_arn: str,
    network: Mapping[str, list[str]] | None,
) -> sagemaker.CfnModel:
    """Create the model; ``network`` has ``Subnets`` and ``SecurityGroupIds``, or is None."""
    digest = shape_digest(stack, {"role": role_arn, "network": network})
    prefix = stack.names.model_prefix
    model = sagemaker.CfnModel(
        scope,
        construct_id,
        model_name=Fn.join("-", [prefix, variant, package_version(package_arn), digest]),
        execution_role_arn=role_arn,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
            model_package_name=package_arn
        ),
        vpc_config=sagemaker.CfnModel.VpcConfigProperty(
            subnets=network["Subnets"], security_group_ids=network["SecurityGroupIds"]
        )
        if network
        else None,
    )
    except_from_review(
        model,
        "checkov:CKV_AWS_370",
        constraint="Nothing documents that data capture, which the monitor lives on, works for an "
        "endpoint whose container has no network at all, and no test here can show it.",
        evidence="https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html",
        control="Unless the settings say otherwise the container sits in subnets without a route "
        "to the internet; image, code and model are the deployment's own, and its role names "
        "what it may reach.",
    )
    return model
