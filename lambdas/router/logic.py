"""What each route does: validate, pseudonymise, ask the endpoint, answer in the order asked.

Values are replaced by pseudonyms before the endpoint sees them, so data capture never holds a
classified one; error messages come from the validator, which never shows one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.contract import Contract
from core.names import (
    ROUTE_BATCH,
    ROUTE_HEALTH,
    ROUTE_PREDICTIONS,
    VARIANT_HEADER,
    VARIANTS,
)
from core.parsing import DuplicateKeys, NotJsonError, parse
from core.records import Invalid, Pseudonymise, Valid, compiled, id_of
from lambdas.router.endpoint import Scored
from lambdas.router.http import ApiError, Request, answer, error_body, unavailable

# records, request id, variant -> answer of the endpoint
Score = Callable[[list[dict[str, Any]], str, str], Scored]
METHODS = {ROUTE_PREDICTIONS: "POST", ROUTE_BATCH: "POST", ROUTE_HEALTH: "GET"}
RECORDS = "records"


@dataclass(frozen=True, slots=True)
class Router:
    """The API's routes.

    ``score`` is None while the endpoint is off; ``pseudonymiser`` is called when a record needs it.
    """

    contract: Contract
    batch_records: int
    pseudonymiser: Callable[[], Pseudonymise]
    score: Score | None

    def route(self, request: Request) -> dict[str, Any]:
        """Answer one request.

        Raises:
            ApiError: any answer other than 200.
        """
        method = METHODS.get(request.path)
        if method is None:
            raise ApiError(404, "not_found", "there is no such route")
        if request.method != method:
            raise ApiError(
                405, "method_not_allowed", f"use {method} for this route", headers={"Allow": method}
            )
        match request.path:
            case "/health":
                return answer(200, self._health())
            case "/predictions":
                return answer(200, self._one(request))
        return answer(200, self._batch(request))

    def _health(self) -> dict[str, Any]:
        return {
            "status": "ok",
            "contract": {"name": self.contract["name"], "version": self.contract["version"]},
        }

    def _one(self, request: Request) -> dict[str, Any]:
        variant, content = _variant(request), _content(request)
        checked = self._check(content)
        if isinstance(checked, Invalid):
            raise ApiError(400, checked.code, checked.message, field=checked.field)
        scored = self._scored([checked.values], request.request_id, variant)
        return {
            "record_id": checked.values[self._id_field],
            **scored.answers[0],
            "variant": scored.variant,
            "failed_over": scored.failed_over,
            "inference_id": request.request_id,
        }

    def _batch(self, request: Request) -> dict[str, Any]:
        variant = _variant(request)
        records = _records(_content(request), self.batch_records)
        checked = [self._check(record) for record in records]
        valid = [one.values for one in checked if isinstance(one, Valid)]
        # Nothing to ask: the answer holds errors alone and no variant.
        scored = self._scored(valid, request.request_id, variant) if valid else Scored([], "")
        answers = iter(scored.answers)
        return {
            "predictions": [
                self._failed(record, one)
                if isinstance(one, Invalid)
                else {
                    "record_id": one.values[self._id_field],
                    **next(answers),
                }
                for record, one in zip(records, checked, strict=True)
            ],
            "variant": scored.variant or None,
            "failed_over": scored.failed_over,
            "inference_id": request.request_id,
        }

    @property
    def _id_field(self) -> str:
        return self.contract["event"]["id_field"]

    def _check(self, content: object) -> Valid | Invalid:
        return compiled(self.contract["event"]).check(content, self.pseudonymiser())

    def _failed(self, record: object, invalid: Invalid) -> dict[str, Any]:
        return {
            "record_id": id_of(record, self._id_field),
            "error": error_body(invalid.code, invalid.field, invalid.message),
        }

    def _scored(self, records: list[dict[str, Any]], request_id: str, variant: str) -> Scored:
        if self.score is None:
            raise unavailable("the endpoint is switched off")
        return self.score(records, request_id, variant)


def _variant(request: Request) -> str:
    variant = request.headers.get(VARIANT_HEADER.lower(), "")
    if variant and variant not in VARIANTS:
        raise ApiError(
            400, "not_allowed", f"{VARIANT_HEADER} must be {' or '.join(VARIANTS)}, or left out"
        )
    return variant


def _content(request: Request) -> object:
    try:
        return parse(request.json_body(), "body")
    except NotJsonError as error:
        raise ApiError(400, "not_json", str(error)) from None


def _records(content: object, limit: int) -> list[object]:
    if isinstance(content, DuplicateKeys):
        raise ApiError(400, "not_json", "body has the same key twice")
    if not isinstance(content, dict):
        raise ApiError(400, "not_object", "body is not a JSON object")
    records = content.get(RECORDS)
    if records is None:
        raise ApiError(400, "missing", "records is missing; it is required", field=RECORDS)
    allowed = f"allowed: a list of 1 to {limit} records"
    if not isinstance(records, list):
        # Not shown: it may be a record in the wrong place.
        raise ApiError(400, "wrong_type", f"records is no list; {allowed}", field=RECORDS)
    if content.keys() != {RECORDS}:
        raise ApiError(400, "unknown_field", "body has a field other than records")
    if not records:
        raise ApiError(400, "out_of_range", f"records is empty; {allowed}", field=RECORDS)
    if len(records) > limit:
        raise ApiError(
            413, "too_many", f"records has {len(records)} records; {allowed}", field=RECORDS
        )
    return records
