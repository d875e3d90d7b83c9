"""What the settings name and a deploy needs: zones of the account, somebody who reads alarms."""

from __future__ import annotations

from collections.abc import Iterator

from config.deployment_rules import is_example
from operations.preflight.answer import Answer, State
from operations.preflight.inquiry import Inquiry

OWNER = "owner of the alarms"
ZONES = "availability zones"


def owner(inquiry: Inquiry) -> Iterator[Answer]:
    """SNS takes any address and asks it to confirm; that of the shipped files asks nobody."""
    email = inquiry.settings.owner.email
    if not is_example(email):
        yield Answer(OWNER, State.OK, email)
        return
    said = f"{email} is an example that nobody reads, so every alarm would be lost"
    yield Answer(OWNER, State.MISSING, said, "owner.email in the settings file")


def zones(inquiry: Inquiry) -> Iterator[Answer]:
    """A subnet in a zone that the account does not have is refused.

    The oldest Regions have other letters for each account.
    https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
    """
    given = inquiry.settings.network.availability_zones
    answer = inquiry.client("ec2").describe_availability_zones()
    known = sorted(
        zone["ZoneName"] for zone in answer["AvailabilityZones"] if zone["State"] == "available"
    )
    lacking = [zone for zone in given if zone not in known]
    if not lacking:
        yield Answer(ZONES, State.OK, ", ".join(given))
        return
    said = f"{', '.join(lacking)} not there; there are {', '.join(known)}"
    yield Answer(ZONES, State.MISSING, said, "network.availability_zones in the settings file")
