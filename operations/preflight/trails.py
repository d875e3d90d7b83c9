"""Trails that the account has: a Region sees five at most, and a second copy of events costs.

The first copy of management events is free, each further one $2 for 100,000 events.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
https://aws.amazon.com/cloudtrail/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry

TRAIL = "AWS::CloudTrail::Trail"
SUBJECT = "CloudTrail"
TRAILS_PER_REGION = 5


def trails(inquiry: Inquiry) -> Iterator[Answer]:
    """How many trails there are, and whether one has management events already."""
    client = inquiry.client("cloudtrail")
    ours = {trail.physical_id for trail in inquiry.deployed.of_type(TRAIL)}
    others = [t for t in client.describe_trails()["trailList"] if t["Name"] not in ours]
    wanted = len(others) + sum(1 for _ in inquiry.resources(TRAIL))
    said = f"{TRAILS_PER_REGION} trails a Region; wanted: {wanted} ({len(others)} of others)"
    if wanted > TRAILS_PER_REGION:
        remedy = "AWS does not raise this quota: let one of the trails go"
        yield Answer(f"{SUBJECT}: trails", State.TOO_LOW, said, remedy)
    else:
        yield Answer(f"{SUBJECT}: trails", State.OK, said)
    yield _management(inquiry, [t["Name"] for t in others if has_management(client, t)])


def _management(inquiry: Inquiry, names: list[str]) -> Answer:
    subject = f"{SUBJECT}: management events"
    listed = ", ".join(sorted(names)) or "no other trail"
    if any(_selects_management(trail) for trail in inquiry.resources(TRAIL)):
        if not names:
            return Answer(subject, State.OK, "our trail will have the free first copy")
        return Answer(
            subject,
            State.OK,
            f"{listed} has them; ours would be a further copy, $2 for 100,000 events",
            "audit.management_trail: existing in the settings file",
        )
    if names:
        return Answer(subject, State.OK, f"{listed} has them")
    return Answer(
        subject,
        State.MISSING,
        "audit.management_trail is existing, but no trail has management events",
        "audit.management_trail: create in the settings file",
    )


def has_management(client: Any, trail: dict[str, Any]) -> bool:
    """Whether a trail has all management events, reads and writes."""
    found = client.get_event_selectors(TrailName=trail["TrailARN"])
    basic = any(
        s.get("IncludeManagementEvents", True) and s.get("ReadWriteType", "All") == "All"
        for s in found.get("EventSelectors", [])
    )
    return basic or _selects_management(found)


def _selects_management(trail: dict[str, Any]) -> bool:
    """Whether an advanced selector has all of them, not reads or writes alone."""
    fields = (
        {field["Field"]: field.get("Equals", []) for field in selector["FieldSelectors"]}
        for selector in trail.get("AdvancedEventSelectors", [])
    )
    return any(
        "Management" in field.get("eventCategory", []) and "readOnly" not in field
        for field in fields
    )
