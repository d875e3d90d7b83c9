"""Service quotas, found by the name that AWS's console and refusals give them.

``ListServiceQuotas`` lists a quota only if a value was applied to the account; for all others the
default of ``ListAWSDefaultServiceQuotas`` holds.
https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.preflight.answer import Answer, State


@dataclass(frozen=True, slots=True)
class Need:
    """How much of a quota the deployment takes.

    Attributes:
        service: service code, such as ``sagemaker``.
        name: the quota's name.
        count: what a deploy or the work after it fails without.
        why: what takes that much.
        ample: what would never be short; said where the quota lies between both.
    """

    service: str
    name: str
    count: int
    why: str
    ample: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """What the account has."""

    code: str
    value: float
    adjustable: bool


class Quotas:
    """The account's quotas in one Region; each service is listed once."""

    def __init__(self, client: Any, region: str) -> None:
        self._client = client
        self._region = region
        self._known: dict[str, dict[str, Quota]] = {}

    def compare(self, needs: Iterable[Need]) -> Iterator[Answer]:
        """One answer a need."""
        for need in needs:
            quota = self._of(need.service).get(need.name)
            yield _unlisted(need) if quota is None else self._compared(need, quota)

    def _of(self, service: str) -> Mapping[str, Quota]:
        if service not in self._known:
            listed = self._list("list_aws_default_service_quotas", service)
            self._known[service] = listed | self._list("list_service_quotas", service)
        return self._known[service]

    def _list(self, operation: str, service: str) -> dict[str, Quota]:
        pages = self._client.get_paginator(operation).paginate(ServiceCode=service)
        return {
            quota["QuotaName"]: Quota(quota["QuotaCode"], quota["Value"], quota["Adjustable"])
            for page in pages
            for quota in page["Quotas"]
        }

    def _compared(self, need: Need, quota: Quota) -> Answer:
        subject = f"{need.service}: {need.name}"
        has = f"{quota.value:g}; wanted: {need.count} ({need.why})"
        if quota.value < need.count:
            return Answer(subject, State.TOO_LOW, has, self._request(need, quota, need.count))
        if quota.value < need.ample:
            return Answer(
                subject,
                State.OK,
                f"{has}; {need.ample} would be enough at the settings' maximum",
                self._request(need, quota, need.ample),
            )
        return Answer(subject, State.OK, has)

    def _request(self, need: Need, quota: Quota, value: int) -> str:
        if not quota.adjustable:
            return "AWS does not raise this quota: lower what the settings ask for"
        return (
            f"aws service-quotas request-service-quota-increase --region {self._region} "
            f"--service-code {need.service} --quota-code {quota.code} "
            f"--desired-value {max(value, need.ample)}"
        )


def _unlisted(need: Need) -> Answer:
    said = f"wanted: {need.count} ({need.why}); Service Quotas lists no quota of this name"
    return Answer(f"{need.service}: {need.name}", State.NO_ANSWER, said)
