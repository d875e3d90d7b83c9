"""Alarms on a delivery stream: late, refused, unprocessed, or silent."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.kit.alarm import AlarmProps, RunbookAlarm

NAMESPACE = "AWS/Firehose"
MINUTE = 60
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


@dataclass(frozen=True, slots=True)
class DeliveryAlarmsProps:
    """One delivery stream."""

    stream: str
    stream_name: str
    freshness_seconds: int
    period: Duration
    topic: sns.ITopic


class DeliveryAlarms(Construct):
    """``freshness``, ``conversion``, ``processing``, ``delivery`` and ``silence``."""

    def __init__(self, scope: Construct, construct_id: str, *, props: DeliveryAlarmsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self.freshness = self._alarm(
            "Freshness",
            self._metric("DeliveryToS3.DataFreshness", "Maximum"),
            props.freshness_seconds,
            "data-freshness",
            "waits too long to be delivered",
        )
        self.conversion = self._alarm(
            "Conversion",
            self._metric("FailedConversion.Records", "Sum"),
            1,
            "failed-conversion",
            "has records that could not be written as Parquet",
        )
        self.processing = self._alarm(
            "Processing",
            self._metric("ExecuteProcessing.Success", "Average"),
            1,
            "failed-processing",
            "has batches that the transform function could not process",
            comparison=_BELOW,
        )
        self.delivery = self._alarm(
            "Delivery",
            self._metric("DeliveryToS3.Success", "Average"),
            1,
            "failed-delivery",
            "cannot be written to the raw zone",
            comparison=_BELOW,
        )
        self.silence = self._alarm(
            "Silence",
            self._metric("IncomingRecords", "Sum", self._silence_period()),
            1,
            "no-data",
            "has received nothing",
            comparison=_BELOW,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    @property
    def every(self) -> list[cloudwatch.Alarm]:
        """All five."""
        return [self.freshness, self.conversion, self.processing, self.delivery, self.silence]

    def _silence_period(self) -> Duration:
        """Whole minutes, at most a day: as long as data may be late, nothing may be missing."""
        minutes = -(-self._props.freshness_seconds // MINUTE)
        return Duration.minutes(min(minutes, 24 * 60))

    def _metric(
        self, name: str, statistic: str, period: Duration | None = None
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"DeliveryStreamName": self._props.stream_name},
            statistic=statistic,
            period=period or self._props.period,
        )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.Metric,
        threshold: float,
        section: str,
        what: str,
        *,
        comparison: cloudwatch.ComparisonOperator = (
            cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> RunbookAlarm:
        return RunbookAlarm(
            self,
            construct_id,
            props=AlarmProps(
                metric=metric,
                threshold=threshold,
                section=section,
                what=f"The {self._props.stream} stream {what}.",
                topic=self._props.topic,
                comparison=comparison,
                missing=missing,
            ),
        )
