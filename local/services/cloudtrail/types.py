"""Trails, budgets and web ACL associations.

Each keeps its state in MiniStack's own service where there is one, so that the service's API
answers with what was deployed.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin
from local.emulator.provisioning import physical_name, scope, succeed, tag_list, truth
from local.services.cloudtrail import limits

pin(
    "ministack.services.cloudtrail",
    _create_trail="callable", _update_trail="callable", _delete_trail="callable",
    _put_event_selectors="callable", _start_logging="callable", _stop_logging="callable",
)  # fmt: skip
pin("ministack.services.budgets", _create_budget="callable", _delete_budget="callable")
pin(
    "ministack.services.waf",
    _associate_web_acl="callable", _disassociate_web_acl="callable", _associations="scoped",
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


def _budget_request(name: str, props: dict[str, Any]) -> dict[str, Any]:
    budget = dict(props["Budget"]) | {"BudgetName": name}
    if limit := budget.get("BudgetLimit"):
        budget["BudgetLimit"] = {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}
    notifications = [
        {
            "Notification": dict(entry["Notification"])
            | {"Threshold": float(entry["Notification"]["Threshold"])},
            "Subscribers": entry["Subscribers"],
        }
        for entry in props.get("NotificationsWithSubscribers") or []
    ]
    account, _ = scope()
    return {
        "AccountId": account, "Budget": budget, "NotificationsWithSubscribers": notifications,
        "ResourceTags": tag_list(props, "ResourceTags"),
    }  # fmt: skip


def _create_budget(logical_id: str, props: dict[str, Any], stack: str) -> Created:
    from ministack.services import budgets

    name = props["Budget"].get("BudgetName") or physical_name(stack, logical_id, 100)
    answer = budgets._create_budget(_budget_request(name, props))
    succeed(f"AWS::Budgets::Budget {name}", answer)
    return name, {}


def _update_budget(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str, _logical: str | None
) -> Created:
    from ministack.services import budgets

    _delete_budget(physical_id, {})
    answer = budgets._create_budget(_budget_request(physical_id, new))
    succeed(f"AWS::Budgets::Budget {physical_id}", answer)
    return physical_id, {}


def _delete_budget(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import budgets

    answer = budgets._delete_budget({"BudgetName": physical_id})
    succeed("AWS::Budgets::Budget", answer, missing_is_fine=True)


def _associate(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    from ministack.services import waf

    kind = "AWS::WAFv2::WebACLAssociation"
    taken = waf._associations.get(props["ResourceArn"])
    if taken and taken != props["WebACLArn"]:
        raise ValueError(f"{kind}: {props['ResourceArn']} already has the web ACL {taken}")
    succeed(kind, waf._associate_web_acl(props))
    return f"{props['WebACLArn']}|{props['ResourceArn']}|REGIONAL", {}


def _disassociate(_physical_id: str, props: dict[str, Any]) -> None:
    from ministack.services import waf

    waf._disassociate_web_acl({"ResourceArn": props["ResourceArn"]})


def types() -> list[ResourceType]:
    """The types of this module."""
    both = frozenset({"WebACLArn", "ResourceArn"})
    return [
        ResourceType(
            "AWS::CloudTrail::Trail", _create_trail, _delete_trail,
            update=_update_trail, create_only=frozenset({"TrailName"}), name_property="TrailName",
        ),
        ResourceType("AWS::Budgets::Budget", _create_budget, _delete_budget, update=_update_budget),
        ResourceType(
            "AWS::WAFv2::WebACLAssociation", _associate, _disassociate, create_only=both
        ),
    ]  # fmt: skip
