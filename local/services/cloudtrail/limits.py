"""What CloudTrail refuses of a trail for what else there is: its log group, the sixth of a Region.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
"""

from __future__ import annotations

import json

from local.emulator.private_tables import pin

pin("ministack.services.cloudtrail", _describe_trails="callable")
pin("ministack.services.cloudwatch_logs", _log_groups="scoped")

TRAILS_PER_REGION = 5


def assert_room(kind: str) -> None:
    """Raise ``ValueError`` if the Region sees five trails."""
    from ministack.services import cloudtrail

    found = json.loads(cloudtrail._describe_trails({})[2])["trailList"]
    if len(found) >= TRAILS_PER_REGION:
        raise ValueError(
            f"{kind}: {len(found)} trails exist; allowed: {TRAILS_PER_REGION} in a Region "
            "(MaximumNumberOfTrailsExceededException)"
        )


def assert_log_group(kind: str, arn: str | None) -> None:
    """Raise ``ValueError`` unless the ARN, if any, is that of a log group's streams."""
    from ministack.services import cloudwatch_logs

    if arn is None:
        return
    name = arn.split(":log-group:", 1)[-1].removesuffix(":*")
    if not arn.endswith(":*") or name not in cloudwatch_logs._log_groups:
        raise ValueError(
            f"{kind}: CloudWatchLogsLogGroupArn is {arn}; allowed: the ARN of a log group that "
            "exists, with :* behind it"
        )
