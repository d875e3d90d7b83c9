"""What others build on: routes of the API, streams, named resources and fields of the contract.

Leaving one out, or changing it, breaks a caller that no test of this repository knows.
"""

from __future__ import annotations

from typing import Any

from review.assembly import Assembly
from review.network import openings
from review.resolve import text


def interface(assembly: Assembly, contract: dict[str, Any]) -> dict[str, str]:
    """Name of each promise → what is promised."""
    found = {
        f"route {opening.subject}": opening.peer
        for opening in openings(assembly)
        if opening.kind == "API route"
    }
    for stream in assembly.resources("AWS::KinesisFirehose::DeliveryStream"):
        name = stream.properties.get("DeliveryStreamName", f"<{stream.name}>")
        found[f"stream {text(assembly, stream.stack, name)}"] = str(
            stream.properties.get("DeliveryStreamType", "DirectPut")
        )
    for database in assembly.resources("AWS::Glue::Table"):
        table = database.properties["TableInput"]
        found[f"table {text(assembly, database.stack, table['Name'])}"] = str(
            text(assembly, database.stack, database.properties["DatabaseName"])
        )
    return dict(sorted((found | _fields(contract)).items()))


def _fields(contract: dict[str, Any]) -> dict[str, str]:
    return {
        f"field {role}.{field['name']}": ", ".join(
            (
                field["type"],
                "required" if field["required"] else "optional",
                field["classification"] or "unclassified",
            )
        )
        for role in ("event", "label")
        for field in contract[role]["fields"]
    }
