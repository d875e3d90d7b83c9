"""Service-linked roles by the names that services give them; made on a resource's first use.

MiniStack makes up a name from the service's. Services make the role themselves when the first
resource that needs it is made, which here is when CloudFormation provisions it.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
https://docs.aws.amazon.com/waf/latest/developerguide/using-service-linked-roles.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from config import resource_types
from config.resource_types import LinkedRole
from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.iam"
# Stacks of several models are made side by side, and each first use asks for the role.
_making = threading.RLock()
pin(_MODULE, _create_service_linked_role="callable", _roles="scoped", _IAM_HANDLERS=dict)


def _named(original: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    def create(parameters: dict[str, Any]) -> Any:
        with _making:
            return named(parameters)

    def named(parameters: dict[str, Any]) -> Any:
        from ministack.services import iam

        given = parameters.get("AWSServiceName")
        service = given[0] if isinstance(given, list) else str(given)
        name = names.get(service)
        if name is None:
            return original(parameters)
        if name in iam._roles:
            return iam._error(
                400, "InvalidInput",
                f"Service role name {name} has been taken in this account, please try a different "
                "suffix.", ns="iam",
            )  # fmt: skip
        status, headers, body = original(parameters)
        text = body.decode() if isinstance(body, bytes) else body
        # The answer names it; what is new in the table may be another stack's.
        made = text.partition("<RoleName>")[2].partition("</RoleName>")[0]
        role = iam._roles.pop(made)
        role |= {"RoleName": name, "Arn": f"{role['Arn'].rpartition('/')[0]}/{name}"}
        iam._roles[name] = role
        return status, headers, text.replace(made, name).encode()

    return create


def _on_first_use(create: Callable[..., Any], role: LinkedRole) -> Callable[..., Any]:
    def create_after_role(*arguments: Any) -> Any:
        from ministack.services import iam

        with _making:
            if role.name not in iam._roles:
                iam._create_service_linked_role({"AWSServiceName": [role.service]})
        return create(*arguments)

    return create_after_role


def attach(tables: Tables) -> None:
    """Give roles their names, and make them when they are first needed."""
    from ministack.services import iam

    roles = {
        kind: known.linked_role
        for kind, known in resource_types.table().items()
        if known.linked_role
    }
    names = {role.service: role.name for role in roles.values()}
    replace(_MODULE, "_create_service_linked_role", partial(_named, names=names))
    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = iam._create_service_linked_role
    for kind, role in roles.items():
        entry = tables.resource_handlers.get(kind)
        if entry is not None:
            entry["create"] = _on_first_use(entry["create"], role)
