"""What the API hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from stacks.kit.platform_function import PlatformFunction


@dataclass(frozen=True, slots=True)
class Api:
    """Outputs of the API stack."""

    rest_api: apigateway.RestApi
    platform_functions: Mapping[str, PlatformFunction]
    """By the name of their alarms."""
