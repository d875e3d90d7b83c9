"""Trails, budgets, cost anomalies, secret policies, web ACL associations and saved queries.

Each keeps its state in MiniStack's own service where there is one, so that the service's API
answers with what was deployed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from local.emulator.cfn_types.support import physical_name, scope, succeed, tag_list, truth
from local.emulator.extensions import ResourceType
from local.emulator.private_tables import pin

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
pin("ministack.services.secretsmanager", _put_resource_policy="callable")

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


def _put_secret_policy(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    from ministack.services import secretsmanager

    policy = props["ResourcePolicy"]
    text = policy if isinstance(policy, str) else json.dumps(policy)
    request = {"SecretId": props["SecretId"], "ResourcePolicy": text}
    answer = secretsmanager._put_resource_policy(request)
    succeed("AWS::SecretsManager::ResourcePolicy", answer)
    return props["SecretId"], {"Id": props["SecretId"]}


def _update_secret_policy(
    _physical: str, _old: dict[str, Any], new: dict[str, Any], stack: str, _logical: str | None
) -> Created:
    return _put_secret_policy("", new, stack)


def _delete_secret_policy(physical_id: str, _props: dict[str, Any]) -> None:
    from ministack.services import secretsmanager

    secretsmanager._resource_policies.pop(physical_id, None)


pin("ministack.services.secretsmanager", _resource_policies="scoped")

_recorded: dict[str, dict[str, Any]] = {}


def _recorded_type(
    name: str, attributes: Callable[[str], dict[str, Any]], create_only: frozenset[str]
) -> ResourceType:
    """A type whose service does not exist locally: accepted, kept, and classed *recorded*."""

    def create(_logical: str, props: dict[str, Any], _stack: str) -> Created:
        identifier = str(uuid.uuid4())
        _recorded[identifier] = {"Type": name} | props
        found = attributes(identifier)
        return str(found.pop("Ref", identifier)), found

    def update(
        physical_id: str, _old: Any, new: dict[str, Any], _stack: str, _logical: str | None
    ) -> Created:
        found = attributes(physical_id.rsplit("/", 1)[-1])
        found.pop("Ref", None)
        _recorded[physical_id.rsplit("/", 1)[-1]] = {"Type": name} | new
        return physical_id, found

    def delete(physical_id: str, _props: dict[str, Any]) -> None:
        _recorded.pop(physical_id.rsplit("/", 1)[-1], None)

    return ResourceType(name, create, delete, update=update, create_only=create_only)


def _anomaly(kind: str) -> Callable[[str], dict[str, Any]]:
    def attributes(identifier: str) -> dict[str, Any]:
        account, _ = scope()
        arn = f"arn:aws:ce::{account}:{kind}/{identifier}"
        name = "MonitorArn" if kind == "anomalymonitor" else "SubscriptionArn"
        return {"Ref": arn, name: arn}

    return attributes


def _query_definition(identifier: str) -> dict[str, Any]:
    return {"Ref": identifier, "QueryDefinitionId": identifier}


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
        ResourceType(
            "AWS::SecretsManager::ResourcePolicy", _put_secret_policy, _delete_secret_policy,
            update=_update_secret_policy, create_only=frozenset({"SecretId"}),
        ),
        _recorded_type(
            "AWS::CE::AnomalyMonitor", _anomaly("anomalymonitor"),
            frozenset({"MonitorType", "MonitorDimension", "MonitorSpecification"}),
        ),
        _recorded_type(
            "AWS::CE::AnomalySubscription", _anomaly("anomalysubscription"), frozenset()
        ),
        _recorded_type("AWS::Logs::QueryDefinition", _query_definition, frozenset()),
    ]  # fmt: skip
