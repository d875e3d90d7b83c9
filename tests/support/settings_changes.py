"""Changes of settings that several tests make."""

from __future__ import annotations

from typing import Any

SERVERLESS: dict[str, Any] = {"serving.mode": "serverless", "monitoring.schedule": None}

ONE_VARIANT: dict[str, Any] = {
    "serving.challenger": None,
    "serving.autoscaling.registered_variants": ["champion"],
}

IN_STEPS: dict[str, Any] = {
    "serving.champion": {"instances": 2},
    "serving.autoscaling.minimum": 2,
    "training.lease_minutes": 780,
}

TWO_VARIANTS: dict[str, Any] = IN_STEPS | {
    "serving.challenger": {"instances": 2, "weight": 0.1},
    "serving.update": "blue_green_canary",
}

SHADOW: dict[str, Any] = {
    "serving.shadow": True,
    "serving.experiment_weight": 0.0,
    "serving.autoscaling.registered_variants": ["champion"],
}
