"""``AWS::CloudTrail::Trail``, kept in MiniStack's own service so that its API answers."""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import physical_name, scope, succeed, truth
from local.services.cloudtrail import limits

pin(
    "ministack.services.cloudtrail",
    _create_trail="callable", _update_trail="callable", _delete_trail="callable",
    _put_event_selectors="callable", _start_logging="callable", _stop_logging="callable",
)  # fmt: skip


Created = tuple[str, dict[str, Any]]


def _trail_request(name: str, props: dict[str, Any]) -> dict[str, Any]:
    request = {"Name": name, "S3BucketName": props["S3BucketName"]}
    for key in ("S3KeyPrefix", "SnsTopicName", "CloudWatchLogsLogGroupArn",
                "CloudWatchLogsRoleArn"):  # fmt: skip
        if key in props:
            request[key] = props[key]
    if "KMSKeyId" in props:
        request["KmsKeyId"] = props["KMSKeyId"]
    for key in ("EnableLogFileValidation", "IncludeGlobalServiceEvents", "IsMultiRegionTrail"):
        if key in props:
            request[key] = truth(props[key])
    return request


def _configure_trail(name: str, props: dict[str, Any]) -> Created:
    from ministack.services import cloudtrail, s3

    kind = f"AWS::CloudTrail::Trail {name}"
    limits.assert_log_group(kind, props.get("CloudWatchLogsLogGroupArn"))
    if props["S3BucketName"] not in s3._buckets:
        raise ValueError(f"{kind}: S3 bucket {props['S3BucketName']} does not exist")
    succeed(kind, cloudtrail._update_trail(_trail_request(name, props)))
    for key in ("EventSelectors", "AdvancedEventSelectors"):
        if props.get(key):
            selectors = {"TrailName": name, key: props[key]}
            succeed(kind, cloudtrail._put_event_selectors(selectors))
    logging = cloudtrail._start_logging if truth(props["IsLogging"]) else cloudtrail._stop_logging
    succeed(kind, logging({"Name": name}))
    account, region = scope()
    return name, {"Arn": f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"}


def _create_trail(logical_id: str, props: dict[str, Any], stack: str) -> Created:
    from ministack.services import cloudtrail

    name = props.get("TrailName") or physical_name(stack, logical_id, 128)
    limits.assert_room(f"AWS::CloudTrail::Trail {name}")
    limits.assert_log_group(
        f"AWS::CloudTrail::Trail {name}", props.get("CloudWatchLogsLogGroupArn")
    )
    answer = cloudtrail._create_trail(_trail_request(name, props))
    succeed(f"AWS::CloudTrail::Trail {name}", answer)
    return _configure_trail(name, props)


def _update_trail(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str, _logical: str | None
) -> Created:
    return _configure_trail(physical_id, new)


def _delete_trail(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import cloudtrail

    answer = cloudtrail._delete_trail({"Name": physical_id})
    succeed("AWS::CloudTrail::Trail", answer, missing_is_fine=True)


def types() -> list[ResourceType]:
    """The types of this module."""
    return [
        ResourceType(
            "AWS::CloudTrail::Trail", _create_trail, _delete_trail,
            update=_update_trail, create_only=frozenset({"TrailName"}), name_property="TrailName",
        )
    ]  # fmt: skip
