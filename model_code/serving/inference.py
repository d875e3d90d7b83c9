"""The endpoint's hooks: ``model_fn`` and ``transform_fn``.

The image's toolkit answers status 500 to whatever ``input_fn`` or ``predict_fn`` raises, and reads
content that is not UTF-8 as if it were; so one hook takes the whole request and answers a bad one
itself (docs/container.md). A request is ``{"instances": [record, ...]}`` with validated records,
whose classified fields are pseudonyms.
"""

from __future__ import annotations

import json
import sys
from email.message import Message
from pathlib import Path
from typing import Any

# In a model archive this file lies at the root of code/, beside the packages it imports.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from core.checks import LARGEST_NUMBER
from core.parsing import BYTE_ORDER_MARK
from model_code.models import Model

JSON = "application/json"
CHARSETS = ("utf-8", "utf8", "us-ascii")
LONGEST_BATCH = 500
# What the toolkit puts in the place of bytes that are not UTF-8.
REPLACEMENT = "\ufffd"


class RefusedError(Exception):
    """The request cannot be answered; ``document`` says why and shows no value."""

    def __init__(self, status: int, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"error": {"code": code, "field": field, "message": message}}


def model_fn(model_dir: str) -> Model:
    """Load the model directory."""
    return Model(Path(model_dir))


def transform_fn(model: Model, request_body: str | bytes, content_type: str, accept: str) -> Any:
    """The answer as JSON, whatever ``accept`` says: there is no other format."""
    del accept
    status, document = answer(model, request_body, content_type)
    # Letters stay as they are; half a character, which UTF-8 does not have, is escaped.
    text = json.dumps(document, ensure_ascii=False)
    body = text.encode("utf-8", "backslashreplace").decode()
    if status == 200:
        return body, JSON
    # The toolkit's server is Flask; only a response of its own can carry another status.
    from flask import Response  # noqa: PLC0415

    return Response(body, status, mimetype=JSON)


def answer(
    model: Model, request_body: str | bytes, content_type: str
) -> tuple[int, dict[str, Any]]:
    """Status and document: a prediction for each record, or an error for the whole request."""
    try:
        return 200, predict(model, read(request_body, content_type))
    except RefusedError as refused:
        return refused.status, refused.document


def read(request_body: str | bytes, content_type: str) -> list[dict[str, Any]]:
    """The request's records.

    Raises:
        RefusedError: 415 for another content type or charset, 400 for what is not a request.
    """
    _check_type(content_type)
    try:
        text = request_body if isinstance(request_body, str) else request_body.decode()
        if REPLACEMENT in text:
            raise ValueError
        text = text.removeprefix(BYTE_ORDER_MARK)
        content = json.loads(text, parse_constant=_no_number, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise RefusedError(400, "not_json", None, "the request is not JSON in UTF-8") from None
    records = content.get("instances") if isinstance(content, dict) else None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise RefusedError(400, "missing", "instances", "instances must be a list of records")
    if not 0 < len(records) <= LONGEST_BATCH:
        message = f"instances holds {len(records)}; allowed: 1 to {LONGEST_BATCH}"
        code = "too_long" if records else "out_of_range"
        raise RefusedError(400, code, "instances", message)
    return records


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a key that occurs twice: which value was meant can't be known."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _too_large(value: object) -> bool:
    """XGBoost would take it for infinite and answer with the last leaf."""
    return isinstance(value, int | float) and abs(value) > LARGEST_NUMBER


def _check_type(content_type: str) -> None:
    header = Message()
    header["content-type"] = content_type
    charset = header.get_content_charset() or CHARSETS[0]
    if header.get_content_type() != JSON or charset not in CHARSETS:
        message = f"content type is {content_type!r}; allowed: {JSON} in UTF-8"
        raise RefusedError(415, "content_type", None, message)


def predict(model: Model, records: list[dict[str, Any]]) -> dict[str, Any]:
    """What the model says of each record, with the model that said it.

    Raises:
        RefusedError: 400 when an id or a feature's value is none of the kind that it should be.
    """
    id_field = model.contract["event"]["id_field"]
    if not all(isinstance(record.get(id_field, ""), str) for record in records):
        raise RefusedError(400, "wrong_type", id_field, f"{id_field} is no text")
    if any(_too_large(value) for record in records for value in record.values()):
        message = f"a number is beyond what a feature holds: {-LARGEST_NUMBER} to {LARGEST_NUMBER}"
        raise RefusedError(400, "out_of_range", "instances", message)
    try:
        outputs = model.predict(records)
    except (TypeError, ValueError, OverflowError):
        # Values never enter the message: they may be classified.
        message = "a feature has a value of the wrong type"
        raise RefusedError(400, "wrong_type", "instances", message) from None
    return {
        "predictions": [
            {"record_id": record.get(id_field), **model.task.answer(output)}
            for record, output in zip(records, outputs, strict=True)
        ],
        "model": model.description(),
    }
