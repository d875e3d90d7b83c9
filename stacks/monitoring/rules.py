"""Combinations of the monitor's settings that are refused."""

from __future__ import annotations

from config.instance_rules import Place, instance_rules
from config.rule import AWS, Rule
from config.schedule import SCHEDULE_PAGE, SCHEDULES, is_bad_schedule
from config.settings import Settings
from stacks.serving.guardrails import PERIOD_SECONDS

_ALARM = f"{AWS}AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"

HERE = "demo"
"""The environment of ``make demo``."""


def _runs_here(settings: Settings) -> bool:
    return settings.environment == HERE and settings.account is None


_PLACE = Place(
    "monitoring",
    "monitor-",
    ("processing",),
    f"{AWS}sagemaker/latest/APIReference/API_ProcessingClusterConfig.html",
    lambda settings: settings.monitoring,
)


RULES: tuple[Rule, ...] = (
    Rule("alarm-period-of-metrics", "monitoring.alarm_period_seconds", ("environment", "account"),
         lambda s: s.monitoring.alarm_period_seconds < PERIOD_SECONDS and not _runs_here(s),
         f"allowed: {PERIOD_SECONDS} or more, AWS's metrics come once a minute and an alarm that "
         f"looks more often lacks data; less in the environment {HERE} without account, which "
         "runs on the local platform", _ALARM),
    Rule("monitor-schedule", "monitoring.schedule", (),
         lambda s: is_bad_schedule(s.monitoring.schedule),
         SCHEDULES, SCHEDULE_PAGE),
    Rule("monitor-needs-capture", "monitoring.schedule", ("serving.capture",),
         lambda s: s.monitoring.schedule is not None and s.serving.has_endpoint
         and not s.serving.captures,
         "allowed where no model captures (serving.capture; serving.mode serverless has none): "
         "null, the monitor reads what capture wrote", by_all=True),
    *instance_rules(_PLACE),
)  # fmt: skip
