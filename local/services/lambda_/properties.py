"""Properties of functions that MiniStack's provisioner drops, kept at creation and at update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin

pin("ministack.services.lambda_svc", _functions="scoped")

Keep = Callable[[dict[str, Any], dict[str, Any]], None]


def keep(tables: Tables, write: Keep) -> None:
    """Call ``write`` with a function's configuration and its properties once it is provisioned."""
    entry = tables.resource_handlers["AWS::Lambda::Function"]
    entry.update({verb: _keeping(entry[verb], write) for verb in ("create", "update")})


def _keeping(provision: Callable[..., Any], write: Keep) -> Callable[..., Any]:
    """The properties are the second of a creation's arguments and the third of an update's."""

    def provisioned(
        first: str, second: dict[str, Any], third: Any, *rest: Any, **named: Any
    ) -> Any:
        from ministack.services import lambda_svc

        props = third if isinstance(third, dict) else second
        name, attributes = provision(first, second, third, *rest, **named)
        write(lambda_svc._functions[name]["config"], props)
        return name, attributes

    return provisioned
