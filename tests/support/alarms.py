"""Alarms by what they watch."""

from __future__ import annotations

from typing import Any

from tests.synth import resources


def ringing(environment: str, metric: str) -> list[tuple[str, dict[str, Any], list[Any]]]:
    """Alarms that watch a metric: stack, properties, its dimensions by metric."""
    found = []
    for stack, _, alarm in resources(environment, "AWS::CloudWatch::Alarm"):
        watched = [
            {d["Name"]: d["Value"] for d in m["MetricStat"]["Metric"]["Dimensions"]}
            for m in alarm["Properties"].get("Metrics", [])
            if m.get("MetricStat", {}).get("Metric", {}).get("MetricName") == metric
        ]
        if watched:
            found.append((stack, alarm["Properties"], watched))
    return found
