"""Lake Formation's settings of an account: who decides on new databases and tables.

A new account leaves it to IAM, by a default grant to ``IAMAllowedPrincipals``. Kept are the
settings, which the preflight asks about; the local platform evaluates no grant of Lake Formation.

https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html
"""

from __future__ import annotations

import copy
import json
from typing import Any

from local.emulator.extensions import Response, Service, Tables

_BY_IAM = [
    {
        "Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"},
        "Permissions": ["ALL"],
    }
]
_NEW = {
    "DataLakeAdmins": [],
    "CreateDatabaseDefaultPermissions": _BY_IAM,
    "CreateTableDefaultPermissions": _BY_IAM,
    "TrustedResourceOwners": [],
}
_settings: dict[tuple[str, str], dict[str, Any]] = {}


async def _handle(
    _method: str, path: str, _headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
) -> Response:
    from ministack.core.responses import (
        error_response_json,
        get_account_id,
        get_region,
        json_response,
    )

    scope = (get_account_id(), get_region())
    request = json.loads(body or b"{}")
    if path == "/GetDataLakeSettings":
        found = _settings.get(scope, _NEW)
        return json_response({"DataLakeSettings": copy.deepcopy(found)})  # type: ignore[no-any-return]
    if path == "/PutDataLakeSettings":
        _settings[scope] = request["DataLakeSettings"]
        return json_response({})  # type: ignore[no-any-return]
    message = f"{path} is not served by the local platform; served: Get- and PutDataLakeSettings"
    return error_response_json("InvalidInputException", message, 400)  # type: ignore[no-any-return]


def attach(tables: Tables) -> None:
    """Serve the API."""
    tables.add_service(
        Service(
            name="lakeformation",
            handler=_handle,
            iam_namespace="lakeformation",
            signing_names=("lakeformation",),
            botocore_name="lakeformation",
        )
    )
