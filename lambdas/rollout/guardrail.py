"""Alarms on the endpoint: which ring now, and which rang while an experiment ran."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

_RINGING = "to ALARM"
# States alternate, so among this many of the newest changes of one alarm a ring cannot hide.
_CHANGES = 10


class Alarms:
    """Reads alarms by name.

    Args:
        client: a boto3 CloudWatch client.
        guards: alarms that SageMaker follows while it updates the endpoint.
    """

    def __init__(self, client: Any, guards: Sequence[str]) -> None:
        self._client = client
        self._guards = list(guards)

    def guards_ringing(self) -> list[str]:
        """Guardrail alarms in ALARM: an update started now would be rolled back by them."""
        return self.ringing(self._guards)

    def ringing(self, names: Sequence[str]) -> list[str]:
        """Those of ``names`` that are in ALARM now."""
        if not names:
            return []
        found = self._client.describe_alarms(AlarmNames=list(names), StateValue="ALARM")
        return sorted(alarm["AlarmName"] for alarm in found.get("MetricAlarms", []))

    def rang(self, names: Sequence[str], since: datetime) -> list[str]:
        """Those of ``names`` that went into ALARM after ``since``, or are in it."""
        changed = {name for name in names if self._went_off(name, since)}
        return sorted(changed | set(self.ringing(names)))

    def _went_off(self, name: str, since: datetime) -> bool:
        history = self._client.describe_alarm_history(
            AlarmName=name, HistoryItemType="StateUpdate", StartDate=since, MaxRecords=_CHANGES
        )
        return any(_RINGING in item["HistorySummary"] for item in history["AlarmHistoryItems"])
