"""Audit, the last stack: trails on objects and calls, and alarms on what the latter show."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from constructs import Construct

from config.load import Deployment
from stacks.constructs.alarms.copies import replication_alarm
from stacks.constructs.audit_trail import AuditTrail, AuditTrailProps
from stacks.constructs.base_stack import BaseStack
from stacks.constructs.cis_alarms import CisAlarms
from stacks.constructs.foundation import Foundation
from stacks.constructs.lake import Lake
from stacks.constructs.replication import AUDIT


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
        self._watch_replica(props.foundation)
        if self.trail.log_group is not None:
            self.alarms = CisAlarms(
                self,
                "CisAlarms",
                log_group=self.trail.log_group,
                topic=props.foundation.security.security_topic,
                namespace=f"Millrace/Audit/{self.names.instance}-{self.names.environment}",
            )

    def _watch_replica(self, foundation: Foundation) -> None:
        """A trail without its copy is what somebody who can delete the first would want."""
        if self.settings.replication:
            replication_alarm(
                self,
                "ReplicationFailed",
                replication=self.settings.replication,
                buckets={AUDIT: self.trail.bucket},
                period=Duration.seconds(self.settings.monitoring.alarm_period_seconds),
                topic=foundation.security.security_topic,
            )
