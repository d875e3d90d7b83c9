"""One light for many alarms."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.kit.alarm import RUNBOOK

# CloudWatch takes a hundred alarms in a rule.
COMPOSITE_CHILDREN = 100


def unhealthy(
    scope: Construct, *, name: str, what: str, alarms: Sequence[cloudwatch.IAlarm]
) -> cloudwatch.CompositeAlarm:
    """Rings while one of the alarms does.

    Raises:
        ValueError: there are more than a rule takes.
    """
    if len(alarms) > COMPOSITE_CHILDREN:
        raise ValueError(f"{len(alarms)} alarms; a rule takes {COMPOSITE_CHILDREN}")
    return cloudwatch.CompositeAlarm(
        scope,
        "Unhealthy",
        # CDK's own default holds no part of the deployment: a second one would not deploy.
        composite_alarm_name=name,
        alarm_description=f"At least one alarm of this {what} rings. Runbook: {RUNBOOK}#unhealthy",
        alarm_rule=cloudwatch.AlarmRule.any_of(
            *(
                cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)
                for alarm in alarms
            )
        ),
    )
