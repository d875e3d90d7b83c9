"""Generate ``config/settings.schema.json``, with which editors check and complete settings.

Run ``python -m config.schema`` after a change of ``config/settings.py``; a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonRef, JsonSchemaValue
from pydantic_core.core_schema import TaggedUnionSchema

from config.settings import Settings

SCHEMA_FILE = Path(__file__).with_name("settings.schema.json")


class _Schema(GenerateJsonSchema):
    """Writes a section of several kinds (``config.kinds``) as conditions.

    An editor then tells what the kind does not have; of pydantic's ``oneOf`` most could only tell
    that nothing fits.
    """

    def tagged_union_schema(self, schema: TaggedUnionSchema) -> JsonSchemaValue:
        kinds = {str(tag): self.generate_inner(kind) for tag, kind in schema["choices"].items()}
        models = {tag: self._definition(kind) for tag, kind in kinds.items()}
        first = next(iter(models.values()))
        key = next(name for name, field in first["properties"].items() if "const" in field)
        return {
            "type": "object",
            "properties": {key: {"enum": list(kinds)}},
            "allOf": [
                {"if": _says(key, tag, models[tag]), "then": kind} for tag, kind in kinds.items()
            ],
        }

    def _definition(self, kind: JsonSchemaValue) -> dict[str, Any]:
        return self.get_schema_from_definitions(JsonRef(kind["$ref"])) or {}


def _says(key: str, tag: str, model: dict[str, Any]) -> JsonSchemaValue:
    """Whether a section is of a kind; the default one need not say so."""
    needed = {"required": [key]} if key in model.get("required", ()) else {}
    return {"properties": {key: {"const": tag}}} | needed


def schema_text() -> str:
    """The JSON Schema of the settings, with a trailing newline."""
    schema = Settings.model_json_schema(schema_generator=_Schema)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Settings of one Millrace deployment"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
