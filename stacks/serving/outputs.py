"""What serving hands on."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch


@dataclass(frozen=True, slots=True)
class Serving:
    """Outputs of the serving stack."""

    endpoint_name: str
    """Empty while serving is off."""
    variants: tuple[str, ...]
    """Variants with a package, whether there is an endpoint or not."""
    alarms: tuple[cloudwatch.Alarm, ...]
