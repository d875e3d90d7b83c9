"""``AWS::WAFv2::WebACL`` with two properties that MiniStack's provisioner drops.

The association configuration says how much of a body the ACL inspects: without it every stage would
block bodies above WAF's default of 16 KB, whatever the template asks for. The custom response
bodies are what its rules answer with.
"""

from __future__ import annotations

from typing import Any

from local.emulator.extensions import ResourceType, Tables
from local.emulator.private_tables import pin
from local.emulator.provisioning import succeed

pin("ministack.services.cloudformation.provisioners", _waf_web_acl_parts="callable")
pin("ministack.services.waf", web_acl_record="callable")

PROPERTIES = ("AssociationConfig", "CustomResponseBodies")


def _complete(physical_id: str, props: dict[str, Any]) -> None:
    from ministack.services import waf
    from ministack.services.cloudformation import provisioners

    _, acl_id, scope = provisioners._waf_web_acl_parts(physical_id, props)
    record = waf.web_acl_record(acl_id, scope)
    for name in PROPERTIES:
        if props.get(name):
            record[name] = props[name]
        else:
            record.pop(name, None)


def attach(tables: Tables) -> None:
    """Wrap MiniStack's web ACL provisioner."""
    entry = tables.resource_handlers["AWS::WAFv2::WebACL"]
    create, update = entry["create"], entry["update"]

    def create_acl(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        physical_id, attributes = create(logical_id, props, stack)
        _complete(physical_id, props)
        return physical_id, attributes

    def update_acl(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        physical_id, attributes = update(physical_id, old, new, *rest)
        _complete(physical_id, new)
        return physical_id, attributes

    entry.update(create=create_acl, update=update_acl)


pin(
    "ministack.services.waf",
    _associate_web_acl="callable", _disassociate_web_acl="callable", _associations="scoped",
)  # fmt: skip


def _associate(_logical: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
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
    """Associations; their state is kept in MiniStack's own service, so that its API answers."""
    both = frozenset({"WebACLArn", "ResourceArn"})
    return [
        ResourceType("AWS::WAFv2::WebACLAssociation", _associate, _disassociate, create_only=both)
    ]
