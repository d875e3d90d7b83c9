"""Combinations of owner, API, monitoring, retention and concurrency that are refused."""

from __future__ import annotations

import math
import re

from config.guardrails import PERIOD_SECONDS
from config.rule import AWS, Rule
from config.schedule import SCHEDULE_PAGE, SCHEDULES, is_bad_schedule
from config.settings import Settings

_VAULT = f"{AWS}aws-backup/latest/devguide/create-a-vault.html"
_RATE_RULE = f"{AWS}waf/latest/developerguide/waf-rule-statement-type-rate-based.html"
_ALARM = f"{AWS}AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_CAPTURE = f"{AWS}sagemaker/latest/APIReference/API_DataCaptureConfig.html"
_RESERVED = "https://www.rfc-editor.org/rfc/rfc2606"
_EXAMPLE = re.compile(r"[@.](example\.(com|net|org)|example|invalid|test|localhost)$", re.I)

HERE = "demo"
"""The environment of ``make demo``."""
RATE_WINDOW_SECONDS = 300
ONE_ADDRESS_SHARE = 0.5
"""What of the stage's rate callers behind one address must get, before WAF blocks all of them."""
FUNCTIONS = ("transform", "router", "lease", "gate", "registry", "rollout", "pointers")


def _runs_here(settings: Settings) -> bool:
    return settings.environment == HERE and settings.account is None


def is_example(email: str) -> bool:
    """Whether the address is at a domain that no mail server ever has."""
    return _EXAMPLE.search(email) is not None


def address_needs(settings: Settings) -> int:
    """Least requests in five minutes that WAF has to let one address make."""
    return math.ceil(settings.api.requests_per_second * RATE_WINDOW_SECONDS * ONE_ADDRESS_SHARE)


OPERATION_RULES = (
    Rule("owner-is-somebody", "owner.email", ("account",),
         lambda s: s.account is not None and is_example(s.owner.email),
         "allowed with account {settings.account}: an address that somebody reads, every alarm "
         "goes there; mail to names that are kept for examples is lost", _RESERVED),
    Rule("alarm-period-of-metrics", "monitoring.alarm_period_seconds", ("environment", "account"),
         lambda s: s.monitoring.alarm_period_seconds < PERIOD_SECONDS and not _runs_here(s),
         f"allowed: {PERIOD_SECONDS} or more, AWS's metrics come once a minute and an alarm that "
         f"looks more often lacks data; less in the environment {HERE} without account, which "
         "runs on the local platform", _ALARM),
    Rule("monitor-schedule", "monitoring.schedule", (),
         lambda s: is_bad_schedule(s.monitoring.schedule),
         SCHEDULES, SCHEDULE_PAGE),
    Rule("monitor-needs-capture", "monitoring.schedule", ("serving.capture", "serving.mode"),
         lambda s: s.monitoring.schedule is not None and s.serving.mode != "off"
         and not s.serving.capture,
         "allowed without serving.capture: null, the monitor reads what capture wrote"),
    Rule("capture-takes-some", "serving.capture_percent", ("serving.capture", "serving.mode"),
         lambda s: s.serving.mode != "off" and s.serving.capture
         and s.serving.capture_percent == 0,
         "allowed with serving.capture: 1 to 100; for no capture set serving.capture to false and "
         "monitoring.schedule to null, or the monitor finds nothing to judge", _CAPTURE),
    Rule("burst-covers-rate", "api.burst", ("api.requests_per_second",),
         lambda s: s.api.burst < s.api.requests_per_second,
         "allowed: at least api.requests_per_second, {settings.api.requests_per_second}, or the "
         "rate is never reached"),
    Rule("address-gets-its-share", "api.requests_per_five_minutes_per_address",
         ("api.requests_per_second",),
         lambda s: s.api.requests_per_five_minutes_per_address < address_needs(s),
         f"allowed: at least {ONE_ADDRESS_SHARE:g} * {RATE_WINDOW_SECONDS} * "
         "api.requests_per_second ({settings.api.requests_per_second}), or WAF answers 403 to "
         "callers behind one address while the stage would still serve them", _RATE_RULE),
    Rule("backup-outlives-stack", "retention.backup_days", ("retention.allow_data_deletion",),
         lambda s: s.retention.backup_days is not None and s.retention.allow_data_deletion,
         "allowed with retention.allow_data_deletion: null, a vault with copies in it is not "
         "deleted with its stack", _VAULT),
    Rule("reserved-function-names", "reserved_concurrency", (),
         lambda s: bool(set(s.reserved_concurrency) - set(FUNCTIONS)),
         "allowed keys: " + ", ".join(FUNCTIONS)),
)  # fmt: skip
