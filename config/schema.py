"""Generate ``config/settings.schema.json``, with which editors check and complete settings.

Run ``python -m config.schema`` after a change of ``config/settings.py``; a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path

from config.settings import Settings

SCHEMA_FILE = Path(__file__).with_name("settings.schema.json")


def schema_text() -> str:
    """The JSON Schema of the settings, with a trailing newline."""
    schema = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Settings of one Millrace deployment"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
