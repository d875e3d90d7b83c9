"""What CloudTrail refuses of a trail: selectors, log group and role, names, the sixth of a Region.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local.emulator.cfn_types.support import truth
from local.emulator.private_tables import pin

pin("ministack.services.cloudtrail", _describe_trails="callable")
pin("ministack.services.cloudwatch_logs", _log_groups="scoped")

TRAILS_PER_REGION = 5
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]")
_CATEGORIES = ("Management", "Data", "NetworkActivity")
_TO_LOGS = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")
Properties = Mapping[str, Any]


def assert_room(kind: str) -> None:
    """Raise ``ValueError`` if the Region sees five trails."""
    from ministack.services import cloudtrail

    found = json.loads(cloudtrail._describe_trails({})[2])["trailList"]
    if len(found) >= TRAILS_PER_REGION:
        raise ValueError(
            f"{kind}: {len(found)} trails exist; allowed: {TRAILS_PER_REGION} in a Region "
            "(MaximumNumberOfTrailsExceededException)"
        )


def assert_valid(kind: str, name: str, props: Properties) -> None:
    """Raise ``ValueError`` as CloudTrail would refuse the properties."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind}: TrailName is {name!r}; allowed: 3 to 128 of A-Z a-z 0-9 . _ -")
    given = [member for member in _TO_LOGS if props.get(member)]
    if len(given) == 1:
        raise ValueError(f"{kind}: {given[0]} is set alone; allowed: both of {', '.join(_TO_LOGS)}")
    if given:
        _assert_log_group(kind, str(props["CloudWatchLogsLogGroupArn"]))
    everywhere = truth(props.get("IsMultiRegionTrail"))
    if everywhere and not truth(props.get("IncludeGlobalServiceEvents", True)):
        raise ValueError(
            f"{kind}: IncludeGlobalServiceEvents is false; allowed with IsMultiRegionTrail: true"
        )
    if props.get("EventSelectors") and props.get("AdvancedEventSelectors"):
        raise ValueError(f"{kind}: allowed: EventSelectors or AdvancedEventSelectors, not both")
    for selector in props.get("EventSelectors") or []:
        if not truth(selector.get("IncludeManagementEvents", True)) and not selector.get(
            "DataResources"
        ):
            raise ValueError(
                f"{kind}: When includeManagementEvents is false, DataResources must not be empty"
            )
    for selector in props.get("AdvancedEventSelectors") or []:
        _assert_selector(kind, selector)


def _assert_log_group(kind: str, arn: str) -> None:
    from ministack.services import cloudwatch_logs

    name = arn.split(":log-group:", 1)[-1].removesuffix(":*")
    if not arn.endswith(":*") or name not in cloudwatch_logs._log_groups:
        raise ValueError(
            f"{kind}: CloudWatchLogsLogGroupArn is {arn}; allowed: the ARN of a log group that "
            "exists, with :* behind it"
        )


def _assert_selector(kind: str, selector: Properties) -> None:
    fields = {field["Field"]: field for field in selector["FieldSelectors"]}
    category = fields.get("eventCategory", {}).get("Equals", [])
    if len(category) != 1 or category[0] not in _CATEGORIES:
        raise ValueError(
            f"{kind}: eventCategory of a selector equals {category}; allowed: exactly one of "
            f"{', '.join(_CATEGORIES)}"
        )
    types = fields.get("resources.type", {}).get("Equals", [])
    if category[0] == "Data" and len(types) != 1:
        raise ValueError(f"{kind}: a selector of data events names {types}; allowed: one type")
    if category[0] == "Management" and types:
        raise ValueError(f"{kind}: a selector of management events names types; allowed: none")
