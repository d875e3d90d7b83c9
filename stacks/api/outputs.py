"""What the API hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from stacks.kit.platform_function import PlatformFunction


@dataclass(frozen=True, slots=True)
class Api:
    """Outputs of the API stack."""

    routers: Mapping[str, PlatformFunction]
    """By model."""
    rest_api: apigateway.RestApi
