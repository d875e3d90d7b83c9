"""What provisioners share: calling MiniStack's handlers, naming, values as CloudFormation sends."""

from __future__ import annotations

from typing import Any

from local.emulator.private_tables import pin

pin("ministack.services.cloudformation.provisioners", _physical_name="callable")


def truth(value: Any) -> bool:
    """CloudFormation sends booleans as booleans or as text."""
    return value is True or str(value).lower() == "true"


def physical_name(stack_name: str, logical_id: str, longest: int = 64) -> str:
    """The generated name of a resource whose template gives none."""
    from ministack.services.cloudformation import provisioners

    return str(provisioners._physical_name(stack_name, logical_id, max_len=longest))


def succeed(kind: str, answer: tuple[int, Any, Any], *, missing_is_fine: bool = False) -> bytes:
    """The body of a handler's answer; raises ``ValueError`` with the service's own message."""
    status, _, body = answer
    text = body if isinstance(body, bytes) else str(body).encode()
    if status < 300:
        return text
    if missing_is_fine and any(word in text for word in (b"NotFound", b"not found", b"NoSuch")):
        return text
    raise ValueError(f"{kind}: {text.decode(errors='replace')}")


def scope() -> tuple[str, str]:
    """Account and Region of the stack operation."""
    from ministack.core.responses import get_account_id, get_region

    return get_account_id(), get_region()


def tag_list(props: dict[str, Any], name: str = "Tags") -> list[dict[str, str]]:
    """The template's tags as ``Key``/``Value`` pairs."""
    return [{"Key": t["Key"], "Value": str(t.get("Value", ""))} for t in props.get(name) or []]
