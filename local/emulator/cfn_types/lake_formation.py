"""Lake Formation's settings, locations and grants: kept and answered, without an engine behind.

MiniStack has no Lake Formation. The deployed state can be read back through the API
(``GetDataLakeSettings``, ``ListResources``, ``ListPermissions``), so tests and preflights see it;
Athena and Glue here do not consult it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from local.emulator.cfn_types.support import scope
from local.emulator.extensions import ResourceType, Response, Service, Tables

Created = tuple[str, dict[str, Any]]
_settings: dict[str, Any] = {}
_resources: dict[str, dict[str, Any]] = {}
_permissions: dict[str, dict[str, Any]] = {}
_tags: dict[str, list[str]] = {}


def _put_settings(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    _settings.clear()
    _settings.update({"DataLakeAdmins": props.get("Admins", [])} | props)
    _settings.pop("Admins", None)
    return f"{scope()[0]}-data-lake-settings", {}


def _delete_settings(_physical_id: str, _props: dict[str, Any]) -> None:
    _settings.clear()


def _register(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    arn = props["ResourceArn"]
    if arn in _resources:
        raise ValueError(f"AWS::LakeFormation::Resource: {arn} is already registered")
    _resources[arn] = {"ResourceArn": arn, "RoleArn": props.get("RoleArn", "")}
    return arn, {"Id": arn}


def _deregister(physical_id: str, _props: dict[str, Any]) -> None:
    _resources.pop(physical_id, None)


def _grant(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    identifier = str(uuid.uuid4())
    principal = props.get("Principal") or props.get("DataLakePrincipal")
    _permissions[identifier] = {
        "Principal": principal,
        "Resource": props["Resource"],
        "Permissions": props.get("Permissions", []),
        "PermissionsWithGrantOption": props.get("PermissionsWithGrantOption", []),
    }
    ids = {"PrincipalIdentifier": identifier, "ResourceIdentifier": identifier}
    return identifier, ids


def _revoke(physical_id: str, _props: dict[str, Any]) -> None:
    _permissions.pop(physical_id, None)


def _put_tag(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    _tags[props["TagKey"]] = list(props["TagValues"])
    return props["TagKey"], {}


def _delete_tag(physical_id: str, _props: dict[str, Any]) -> None:
    _tags.pop(physical_id, None)


def _again(create: Any) -> Any:
    """An update that rewrites the whole state under the same id."""

    def update(
        physical_id: str, _old: Any, new: dict[str, Any], stack: str, logical: str | None
    ) -> Created:
        create(logical or physical_id, new, stack)
        return physical_id, {}

    return update


_ANSWERS: dict[str, Callable[[], dict[str, Any]]] = {
    "/GetDataLakeSettings": lambda: {"DataLakeSettings": _settings},
    "/ListResources": lambda: {"ResourceInfoList": list(_resources.values())},
    "/ListPermissions": lambda: {"PrincipalResourcePermissions": list(_permissions.values())},
    "/ListLFTags": lambda: {
        "LFTags": [{"TagKey": key, "TagValues": values} for key, values in _tags.items()]
    },
}


async def _handle(
    _method: str, path: str, _headers: dict[str, str], _body: bytes, _query: dict[str, list[str]]
) -> Response:
    answer = _ANSWERS.get(path)
    kind = {"Content-Type": "application/json"}
    if answer is None:
        error = {"__type": "InvalidInputException", "Message": f"{path} is not available locally"}
        return 400, kind, json.dumps(error).encode()
    return 200, kind, json.dumps(answer()).encode()


def attach(tables: Tables) -> None:
    """Add the service and its types."""
    tables.add_service(
        Service(
            "lakeformation", _handle, "lakeformation",
            signing_names=("lakeformation",), botocore_name="lakeformation",
        )
    )  # fmt: skip
    keys = frozenset({"Principal", "DataLakePrincipal", "Resource", "Permissions", "Catalog"})
    grants = keys | {"PermissionsWithGrantOption"}
    for resource in (
        ResourceType(
            "AWS::LakeFormation::DataLakeSettings", _put_settings, _delete_settings,
            update=_again(_put_settings),
        ),
        ResourceType(
            "AWS::LakeFormation::Resource", _register, _deregister,
            create_only=frozenset({"ResourceArn", "RoleArn", "UseServiceLinkedRole"}),
        ),
        ResourceType(
            "AWS::LakeFormation::PrincipalPermissions", _grant, _revoke, create_only=grants
        ),
        ResourceType("AWS::LakeFormation::Permissions", _grant, _revoke, create_only=grants),
        ResourceType(
            "AWS::LakeFormation::Tag", _put_tag, _delete_tag,
            update=_again(_put_tag), create_only=frozenset({"TagKey", "CatalogId"}),
        ),
    ):  # fmt: skip
        tables.add_resource_type(resource)
