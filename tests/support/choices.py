"""Templates of changed settings, with the compliance packs attached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stacks.application import build
from stacks.kit import packs
from tests.support.apps import new_app
from tests.support.copies import ConfigurationCopy


def synthesise(
    configuration: ConfigurationCopy, outdir: Path, environment: str = "dev"
) -> list[dict[str, Any]]:
    """Templates of changed settings, with the packs attached; a finding raises."""
    app = new_app(outdir)
    build(app, configuration.load(environment))
    packs.attach(app)
    app.synth()
    return [json.loads(path.read_text()) for path in outdir.glob("*.template.json")]


def resource_types(templates: list[dict[str, Any]]) -> set[str]:
    """CloudFormation types of an app."""
    return {item["Type"] for template in templates for item in template["Resources"].values()}
