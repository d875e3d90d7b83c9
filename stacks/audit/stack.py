"""Audit, the last stack: trails on objects and calls, and alarms on what the latter show."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from constructs import Construct

from config.load import Deployment
from stacks.audit.audit_trail import AuditTrail, AuditTrailProps
from stacks.audit.cis_alarms import CisAlarms
from stacks.data_lake.outputs import Lake
from stacks.kit.base_stack import BaseStack
from stacks.kit.capability import capabilities_of
from stacks.kit.foundation import Foundation


@dataclass(frozen=True, slots=True)
class AuditProps:
    """What is watched, and who is told."""

    foundation: Foundation
    lake: Lake


class AuditStack(BaseStack):
    """Stateful: the trail is evidence."""

    def __init__(self, scope: Construct, *, deployment: Deployment, props: AuditProps) -> None:
        super().__init__(
            scope,
            "audit",
            deployment=deployment,
            description="Millrace: audit trail under Object Lock, alarms on account changes",
            stateful=True,
        )
        self.trail = AuditTrail(
            self,
            "AuditTrail",
            stack=self,
            props=AuditTrailProps(
                foundation=props.foundation, watched=list(props.lake.zones.values())
            ),
        )
        self._watch_copies(props.foundation)
        if self.trail.log_group is not None:
            self.alarms = CisAlarms(
                self,
                "CisAlarms",
                log_group=self.trail.log_group,
                topic=props.foundation.security.security_topic,
                namespace=f"Millrace/Audit/{self.names.instance}-{self.names.environment}",
            )

    def _watch_copies(self, foundation: Foundation) -> None:
        """A trail without its copy is what somebody who can delete the first would want."""
        period = Duration.seconds(self.settings.monitoring.alarm_period_seconds)
        for capability in capabilities_of(self):
            list(capability.alarms(self, topic=foundation.security.security_topic, period=period))
