"""Physical names in the templates: short enough for their service, and not taken yet.

CloudFormation cuts the names that it makes up itself to what a service takes. Those that the
settings give, and those that it joins from parts, it passes on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from config import resource_types
from operations.preflight.answer import Answer, State, ask
from operations.preflight.inquiry import Inquiry, text_of

OTHER_NAME = "remove it, or choose another instance in the settings file"
SHORTER = "a shorter instance or environment in the settings file"


def longest() -> dict[tuple[str, str], int]:
    """The longest name by type and property."""
    return {
        (kind, member): most
        for kind, known in resource_types.table().items()
        for member, most in known.names.items()
    }


def lengths(inquiry: Inquiry) -> Iterator[Answer]:
    """Names that are longer than their service takes, or one line that none is."""
    long, looked = [], 0
    for (kind, member), most in longest().items():
        for properties in inquiry.resources(kind):
            if member not in properties:
                continue
            looked += 1
            name = text_of(properties[member])
            if len(name) > most:
                said = f"{name} has {len(name)} characters; allowed: {most}"
                long.append(Answer(f"name: {kind}", State.TOO_LOW, said, SHORTER))
    yield from long or [Answer("names", State.OK, f"{looked} names are short enough")]


@dataclass(frozen=True, slots=True)
class Named:
    """A type with a fixed name: how to ask whether somebody else holds it already.

    A ``look`` at a name that nobody holds finds nothing, or is refused with ``absent``.
    """

    member: str
    service: str
    look: Callable[[Any, str], Any]
    absent: str = ""


def _log_group(logs: Any, name: str) -> bool:
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in found)


FIXED: dict[str, Named] = {
    "AWS::Athena::WorkGroup": Named(
        "Name", "athena", lambda c, name: c.get_work_group(WorkGroup=name),
        "InvalidRequestException",
    ),
    "AWS::CloudTrail::Trail": Named(
        "TrailName", "cloudtrail", lambda c, name: c.get_trail(Name=name), "TrailNotFoundException",
    ),
    "AWS::CloudWatch::Alarm": Named(
        "AlarmName", "cloudwatch",
        lambda c, name: c.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])[
            "MetricAlarms"
        ],
    ),
    "AWS::CloudWatch::CompositeAlarm": Named(
        "AlarmName", "cloudwatch",
        lambda c, name: c.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])[
            "CompositeAlarms"
        ],
    ),
    "AWS::Events::Rule": Named(
        "Name", "events", lambda c, name: c.describe_rule(Name=name), "ResourceNotFoundException",
    ),
    "AWS::Logs::LogGroup": Named("LogGroupName", "logs", _log_group),
    "AWS::Glue::SecurityConfiguration": Named(
        "Name", "glue", lambda c, name: c.get_security_configuration(Name=name),
        "EntityNotFoundException",
    ),
    "AWS::SageMaker::Endpoint": Named(
        "EndpointName", "sagemaker", lambda c, name: c.describe_endpoint(EndpointName=name),
        "ValidationException",
    ),
    "AWS::SageMaker::ModelPackageGroup": Named(
        "ModelPackageGroupName", "sagemaker",
        lambda c, name: c.describe_model_package_group(ModelPackageGroupName=name),
        "ValidationException",
    ),
}  # fmt: skip


def taken(inquiry: Inquiry, fixed: Mapping[str, Named] = FIXED) -> Iterator[Answer]:
    """Fixed names that exist although no stack of ours has made them, as after a failed tear-down.

    CloudFormation refuses them with "already exists" when it comes to them.
    """
    for kind, named in fixed.items():
        if names := sorted(_new_names(inquiry, kind, named.member)):
            yield from ask(f"name: {kind}", partial(_asked, inquiry, kind, named, names))


def _new_names(inquiry: Inquiry, kind: str, member: str) -> Iterator[str]:
    """Names that the templates give in full, without those that a stack of ours has.

    The physical id is the name or an ARN that ends with it.
    """
    names = [properties.get(member) for properties in inquiry.resources(kind)]
    held = tuple(resource.physical_id for resource in inquiry.deployed.of_type(kind))
    for name in names:
        if isinstance(name, str) and not any(there.endswith(name) for there in held):
            yield name


def _asked(inquiry: Inquiry, kind: str, named: Named, names: list[str]) -> Iterator[Answer]:
    """One answer for each name that is taken, or one for all."""
    subject = f"name: {kind}"
    client = inquiry.client(named.service)
    held = [name for name in names if _exists(client, named, name)]
    for name in held:
        said = f"{name} exists, and no stack of this deployment has it"
        yield Answer(subject, State.MISSING, said, OTHER_NAME)
    if not held:
        yield Answer(subject, State.OK, f"free: {', '.join(names)}")


def _exists(client: Any, named: Named, name: str) -> bool:
    try:
        return bool(named.look(client, name))
    except ClientError as error:
        if error.response["Error"]["Code"] != named.absent:
            raise
        return False
