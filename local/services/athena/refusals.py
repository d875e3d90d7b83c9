"""Athena workgroups."""

from __future__ import annotations

import re
from typing import Any

from local.emulator.refusals import Properties, refuses

WORK_GROUP = "AWS::Athena::WorkGroup"


def _results(properties: Properties) -> dict[str, Any]:
    configuration = properties.get("WorkGroupConfiguration") or {}
    found: dict[str, Any] = configuration.get("ResultConfiguration") or {}
    return found


@refuses("athena-workgroup-name", WORK_GROUP)
def _name(properties: Properties) -> str | None:
    if re.fullmatch(r"[a-zA-Z0-9._-]{1,128}", str(properties["Name"])):
        return None
    return f"Name {properties['Name']}: allowed: 1 to 128 letters, digits, '.', '_' and '-'"


@refuses("athena-results-need-key", WORK_GROUP)
def _key(properties: Properties) -> str | None:
    encryption = _results(properties).get("EncryptionConfiguration") or {}
    option = str(encryption.get("EncryptionOption", ""))
    if not option.endswith("_KMS") or encryption.get("KmsKey"):
        return None
    return f"KmsKey is required with the EncryptionOption {option}"


@refuses("athena-results-location", WORK_GROUP)
def _location(properties: Properties) -> str | None:
    place = _results(properties).get("OutputLocation")
    if place is None or str(place).startswith("s3://"):
        return None
    return f"OutputLocation {place} is not a valid S3 path; allowed: s3://bucket/path/"
