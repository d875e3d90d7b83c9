"""The records of the SageMaker service, by account and Region.

A record is kept in the shape its Describe operation answers, plus members that start with an
underscore for what only this platform needs. One lock guards all tables: requests are short,
work happens in jobs and fleets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import ListShape
from ministack.core.responses import get_account_id, get_region

from local.engines.errors import validation
from local.services.sagemaker.wire import operation_model, project

Record = dict[str, Any]


@dataclass(slots=True)
class Tables:
    """Records of one account and Region, by name."""

    training_jobs: dict[str, Record] = field(default_factory=dict)
    processing_jobs: dict[str, Record] = field(default_factory=dict)
    transform_jobs: dict[str, Record] = field(default_factory=dict)
    models: dict[str, Record] = field(default_factory=dict)
    endpoint_configs: dict[str, Record] = field(default_factory=dict)
    endpoints: dict[str, Record] = field(default_factory=dict)
    package_groups: dict[str, Record] = field(default_factory=dict)
    packages: dict[str, Record] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)


lock = threading.RLock()
_tables: dict[tuple[str, str], Tables] = {}


def tables() -> Tables:
    """The tables of the account and Region the current request or thread works for."""
    scope = (get_account_id(), get_region())
    with lock:
        return _tables.setdefault(scope, Tables())


def arn(kind: str, name: str) -> str:
    """The ARN of a SageMaker resource of the current account and Region."""
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name}"


def set_tags(resource_arn: str, tags: Iterable[Mapping[str, str]] | None) -> None:
    """Add or overwrite tags of a resource."""
    if tags:
        with lock:
            kept = tables().tags.setdefault(resource_arn, {})
            kept.update({tag["Key"]: tag["Value"] for tag in tags})


def listing(
    operation: str,
    records: Iterable[Record],
    request: Mapping[str, Any],
    name_member: str,
    keep: Callable[[Record], bool] = lambda _: True,
) -> Record:
    """One page of a List operation: filtered, sorted, projected on its summary shape."""
    output = operation_model("sagemaker", operation).output_shape
    assert output is not None
    key, shape = next(
        (name, member) for name, member in output.members.items() if isinstance(member, ListShape)
    )
    found = [item for item in records if keep(item) and _matches(item, request, name_member)]
    by = name_member if request.get("SortBy") == "Name" else "CreationTime"
    found.sort(key=lambda item: item[by], reverse=request.get("SortOrder") != "Ascending")
    start = _offset(request.get("NextToken"))
    size = request.get("MaxResults", 100)
    page = found[start : start + size]
    answer: Record = {key: [project(shape.member, item) for item in page]}
    if start + size < len(found):
        answer["NextToken"] = str(start + size)
    return answer


def _matches(item: Record, request: Mapping[str, Any], name_member: str) -> bool:
    wanted = request.get("NameContains")
    if wanted and wanted.lower() not in item[name_member].lower():
        return False
    created = item["CreationTime"].timestamp()
    if created < request.get("CreationTimeAfter", created):
        return False
    if created > request.get("CreationTimeBefore", created):
        return False
    status = request.get("StatusEquals")
    return not status or status in {v for k, v in item.items() if k.endswith("Status")}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise validation(f"Invalid NextToken {token!r}.")
    return int(token)


def all_endpoints() -> list[Record]:
    """Endpoint records of every account and Region, for upkeep and shutdown."""
    with lock:
        return [record for scope in _tables.values() for record in scope.endpoints.values()]
