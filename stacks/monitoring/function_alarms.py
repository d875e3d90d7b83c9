"""Errors and throttles of every Lambda function."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.alarm import AlarmProps, RunbookAlarm
from stacks.kit.platform_function import PlatformFunction


class FunctionAlarms(Construct):
    """Two alarms for each function; ``every`` lists them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, PlatformFunction],
        period: Duration,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.every: list[cloudwatch.Alarm] = []
        for name, function in functions.items():
            for kind, metric, section, what in (
                ("Errors", function.errors(period), "function-errors", "fails"),
                ("Throttles", function.throttles(period), "function-throttles", "is throttled"),
            ):
                self.every.append(
                    RunbookAlarm(
                        self,
                        f"{name}{kind}",
                        props=AlarmProps(
                            metric=metric,
                            threshold=1,
                            section=section,
                            what=f"The function {name} {what}.",
                            topic=topic,
                        ),
                    )
                )
