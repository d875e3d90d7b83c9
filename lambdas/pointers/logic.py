"""What each CloudFormation request does to the pointers.

CloudFormation must never own the pointers' values: a template value would put a promoted model
back at the next deploy. So they are created with the seed package if absent, and kept on update.
"""

from __future__ import annotations

from typing import Any

from core.names import POINTERS_PACKAGE_PROPERTY
from lambdas.shared.pointer_store import PointerStore


def apply(request: dict[str, Any], store: PointerStore) -> dict[str, str]:
    """Carry out one request.

    Args:
        request: CloudFormation's custom resource request.
        store: the pointers.

    Returns:
        Attributes for ``Fn::GetAtt``: ``Champion`` and ``Challenger``, the parameters' names.

    Raises:
        ValueError: the seed package's ARN is missing.
    """
    if request["RequestType"] == "Delete":
        store.delete()
    else:
        package = request["ResourceProperties"].get(POINTERS_PACKAGE_PROPERTY)
        if not package:
            raise ValueError(f"property {POINTERS_PACKAGE_PROPERTY} is missing: the seed's ARN")
        for variant in store.parameters:
            store.create(variant, package)
    return {variant.capitalize(): name for variant, name in store.parameters.items()}
