"""Request validators, and what MiniStack's provisioners of methods and stages drop.

MiniStack gives a validator a name and nothing else, and a method forgets which validator it has, so
no request body was ever held to its model. A stage forgets where its access log goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import ResourceType, Tables
from local.emulator.private_tables import pin
from local.emulator.provisioning import succeed, truth
from local.services.apigateway import client_certificates

Created = tuple[str, dict[str, Any]]

_MODULE = "ministack.services.apigateway_v1"
pin(
    _MODULE,
    _resources="scoped",
    _stages_v1="scoped",
    _create_request_validator="callable",
    _update_request_validator="callable",
    _delete_request_validator="callable",
)
VALIDATOR = "AWS::ApiGateway::RequestValidator"
_FLAGS = ("validateRequestBody", "validateRequestParameters")


def _flags(props: dict[str, Any]) -> dict[str, bool]:
    return {flag: truth(props.get(flag[0].upper() + flag[1:])) for flag in _FLAGS}


def _create_validator(_logical: str, props: dict[str, Any], _stack: str) -> Created:
    from ministack.services import apigateway_v1 as api

    request = {"name": props.get("Name", ""), **_flags(props)}
    answer = api._create_request_validator(props["RestApiId"], request)
    identifier = str(json.loads(succeed(VALIDATOR, answer))["id"])
    return identifier, {"RequestValidatorId": identifier}


def _update_validator(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str, _logical: str | None
) -> Created:
    from ministack.services import apigateway_v1 as api

    patches = [
        {"op": "replace", "path": f"/{flag}", "value": value} for flag, value in _flags(new).items()
    ]
    answer = api._update_request_validator(
        new["RestApiId"], physical_id, {"patchOperations": patches}
    )
    succeed(VALIDATOR, answer)
    return physical_id, {"RequestValidatorId": physical_id}


def _delete_validator(physical_id: str, props: dict[str, Any]) -> None:
    from ministack.services import apigateway_v1 as api

    answer = api._delete_request_validator(props["RestApiId"], physical_id)
    succeed(VALIDATOR, answer, missing_is_fine=True)


def _complete_method(_physical: str, props: dict[str, Any]) -> None:
    from ministack.services import apigateway_v1 as api

    resource = api._resources.get(props["RestApiId"], {}).get(props["ResourceId"])
    if resource is None:
        raise ValueError("AWS::ApiGateway::Method: Invalid Resource identifier specified")
    method = resource["resourceMethods"][props["HttpMethod"]]
    method["requestValidatorId"] = props.get("RequestValidatorId")


def _complete_stage(_physical: str, props: dict[str, Any]) -> None:
    from ministack.services import apigateway_v1 as api

    stage = api._stages_v1[props["RestApiId"]][props["StageName"]]
    client_certificates.assert_known(props.get("ClientCertificateId"))
    stage["clientCertificateId"] = props.get("ClientCertificateId")
    wanted = props.get("AccessLogSetting") or {}
    stage["accessLogSettings"] = {
        key: wanted[name]
        for key, name in (("destinationArn", "DestinationArn"), ("format", "Format"))
        if name in wanted
    }


def _wrap(tables: Tables, kind: str, complete: Callable[[str, dict[str, Any]], None]) -> None:
    entry = tables.resource_handlers[f"AWS::ApiGateway::{kind}"]
    create, update = entry["create"], entry["update"]

    def create_and_complete(logical_id: str, props: dict[str, Any], stack: str) -> Created:
        physical_id, attributes = create(logical_id, props, stack)
        complete(physical_id, props)
        return physical_id, attributes

    def update_and_complete(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> Created:
        physical_id, attributes = update(physical_id, old, new, *rest)
        complete(physical_id, new)
        return physical_id, attributes

    entry.update(create=create_and_complete, update=update_and_complete)


def attach(tables: Tables) -> None:
    """Provision validators; complete methods and stages."""
    tables.add_resource_type(
        ResourceType(
            VALIDATOR,
            _create_validator,
            _delete_validator,
            update=_update_validator,
            create_only=frozenset({"RestApiId", "Name"}),
        )
    )
    _wrap(tables, "Method", _complete_method)
    _wrap(tables, "Stage", _complete_stage)
