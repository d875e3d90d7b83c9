"""Service Quotas: what a new account has, and what was raised for it.

As on AWS, ``ListServiceQuotas`` and ``GetServiceQuota`` know a quota only once a value was applied
to it; the default is asked for by itself. A request for more is granted at once and in full: nobody
reviews it here.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/Welcome.html
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.emulator.extensions import Response, Service, Tables

TARGET = "ServiceQuotasV20190624."
PAGE = 100
# (account, Region, service code, quota code) -> applied value
_applied: dict[tuple[str, str, str, str], float] = {}
_requests: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota with AWS's default."""

    service: str
    name: str
    code: str
    value: float
    adjustable: bool


class QuotaError(Exception):
    """A refusal, by AWS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@cache
def quotas() -> Mapping[str, Mapping[str, Quota]]:
    """Defaults by service code and quota code."""
    table = yaml.safe_load(Path(__file__).with_name("quotas.yaml").read_text())
    return {
        service: {
            quota.code: quota
            for quota in (_quota(service, name, entry) for name, entry in entries.items())
        }
        for service, entries in table.items()
    }


def _quota(service: str, name: str, entry: Mapping[str, Any]) -> Quota:
    made_up = f"L-{zlib.crc32(f'{service}/{name}'.encode()):08X}"
    return Quota(
        service, name, entry.get("code", made_up), float(entry["value"]),
        entry.get("adjustable", True),
    )  # fmt: skip


def _scope() -> tuple[str, str]:
    from ministack.core.responses import get_account_id, get_region

    return get_account_id(), get_region()


def _find(request: Mapping[str, Any]) -> Quota:
    service, code = request["ServiceCode"], request["QuotaCode"]
    if code not in quotas().get(service, {}):
        raise QuotaError("NoSuchResourceException", f"{service} has no quota {code}")
    return quotas()[service][code]


def _known(request: Mapping[str, Any]) -> Iterable[Quota]:
    service = request["ServiceCode"]
    if service not in quotas():
        raise QuotaError("NoSuchResourceException", f"The service {service} is not known")
    return quotas()[service].values()


def _shown(quota: Quota, value: float) -> dict[str, Any]:
    account, region = _scope()
    return {
        "ServiceCode": quota.service, "QuotaCode": quota.code, "QuotaName": quota.name,
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:{quota.service}/{quota.code}",
        "Value": value, "Unit": "None", "Adjustable": quota.adjustable, "GlobalQuota": False,
    }  # fmt: skip


def _value(quota: Quota) -> float | None:
    return _applied.get((*_scope(), quota.service, quota.code))


def _page(request: Mapping[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
    start = int(request.get("NextToken", "0"))
    size = int(request.get("MaxResults", PAGE))
    answer: dict[str, Any] = {"Quotas": found[start : start + size]}
    if start + size < len(found):
        answer["NextToken"] = str(start + size)
    return answer


def _list(request: Mapping[str, Any]) -> dict[str, Any]:
    applied = [(quota, _value(quota)) for quota in _known(request)]
    return _page(request, [_shown(q, value) for q, value in applied if value is not None])


def _list_defaults(request: Mapping[str, Any]) -> dict[str, Any]:
    return _page(request, [_shown(quota, quota.value) for quota in _known(request)])


def _get(request: Mapping[str, Any]) -> dict[str, Any]:
    quota = _find(request)
    value = _value(quota)
    if value is None:
        raise QuotaError("NoSuchResourceException", f"No value was applied to {quota.name}")
    return {"Quota": _shown(quota, value)}


def _get_default(request: Mapping[str, Any]) -> dict[str, Any]:
    quota = _find(request)
    return {"Quota": _shown(quota, quota.value)}


def _request_increase(request: Mapping[str, Any]) -> dict[str, Any]:
    quota, wanted = _find(request), float(request["DesiredValue"])
    if not quota.adjustable:
        raise QuotaError("InvalidResourceStateException", f"{quota.name} is not adjustable")
    now = _value(quota)
    if wanted <= (quota.value if now is None else now):
        raise QuotaError(
            "IllegalArgumentException",
            f"DesiredValue is {wanted:g}; allowed: more than the current value of {quota.name}",
        )
    _applied[*_scope(), quota.service, quota.code] = wanted
    return {"RequestedQuota": _recorded(quota, wanted, "PENDING")}


def _recorded(quota: Quota, wanted: float, status: str) -> dict[str, Any]:
    identifier = f"{zlib.crc32(repr((_scope(), quota, wanted)).encode()):032x}"
    shown = {
        "Id": identifier, "ServiceCode": quota.service, "QuotaCode": quota.code,
        "QuotaName": quota.name, "DesiredValue": wanted, "Status": status,
    }  # fmt: skip
    _requests[identifier] = shown | {"Status": "APPROVED"}
    return shown


def _requested(request: Mapping[str, Any]) -> dict[str, Any]:
    if request["RequestId"] not in _requests:
        raise QuotaError("NoSuchResourceException", f"no request {request['RequestId']}")
    return {"RequestedQuota": _requests[request["RequestId"]]}


OPERATIONS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "ListServiceQuotas": _list,
    "ListAWSDefaultServiceQuotas": _list_defaults,
    "GetServiceQuota": _get,
    "GetAWSDefaultServiceQuota": _get_default,
    "RequestServiceQuotaIncrease": _request_increase,
    "GetRequestedServiceQuotaChange": _requested,
}


async def _handle(
    _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
) -> Response:
    from ministack.core.responses import error_response_json, json_response

    operation = headers.get("x-amz-target", "").removeprefix(TARGET)
    if operation not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        message = f"{operation} is not served by the local platform; served: {known}"
        return error_response_json("UnknownOperationException", message, 400)  # type: ignore[no-any-return]
    try:
        answer = OPERATIONS[operation](json.loads(body or b"{}"))
    except QuotaError as error:
        return error_response_json(error.code, str(error), 400)  # type: ignore[no-any-return]
    return json_response(answer)  # type: ignore[no-any-return]


def attach(tables: Tables) -> None:
    """Serve the API."""
    tables.add_service(
        Service(
            name="servicequotas",
            handler=_handle,
            iam_namespace="servicequotas",
            target_prefixes=(TARGET,),
            botocore_name="service-quotas",
        )
    )
