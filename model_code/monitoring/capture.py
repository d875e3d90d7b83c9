"""SageMaker's data capture: which record was asked about, and what which model answered.

Objects lie at ``<endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl``, one request a line. What cannot
be read, a request or one record of it, is counted by reason, never fatal: monitoring a month must
not fail on one request.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import stored
from core.checks import Check, RefusedError
from core.parsing import DuplicateKeys, NotJsonError, parse
from model_code.tasks.task import AnswerError, Output, Task

# variant/yyyy/mm/dd/hh/file
VARIANT_POSITION = -6


class UnreadableError(ValueError):
    """A request or a record that cannot be used; the message is a reason to count by."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One record of one captured request."""

    record_id: str
    variant: str
    model: str
    output: Output
    inferred_at: str
    record: dict[str, Any]


@dataclass(slots=True)
class Captured:
    """All predictions below a folder, in no order, and how much could not be read, by reason."""

    predictions: list[Prediction] = field(default_factory=list)
    requests: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def unreadable(self) -> int:
        """Requests, and records of requests, that could not be read."""
        return self.reasons.total()


def read(folder: Path, task: Task) -> Captured:
    """Everything captured below ``folder`` of a model for this task."""
    captured = Captured()
    for path in sorted(folder.rglob("*.jsonl")):
        variant = path.parts[VARIANT_POSITION]
        for line in path.read_bytes().splitlines():
            if line.strip():
                captured.requests += 1
                _add(captured, line, variant, task)
    return captured


def checked(captured: Captured, event: Mapping[str, Any]) -> Captured:
    """Only records whose values have the types of the contract's ``event``.

    Clients with the right to ask the endpoint itself bypass the API and its validator.
    """
    found = Captured(requests=captured.requests, reasons=Counter(captured.reasons))
    checks = stored.type_checks(event)
    for one in captured.predictions:
        reason = _refused(one.record, event["time_field"], checks)
        if reason is None:
            found.predictions.append(one)
        else:
            found.reasons[reason] += 1
    return found


def _refused(record: Mapping[str, Any], time_field: str, checks: Mapping[str, Check]) -> str | None:
    """Why a record cannot be used. Fields that the contract does not know are not looked at."""
    if record.get(time_field) is None:
        return f"missing {time_field}"
    for name, check in checks.items():
        value = record.get(name)
        if value is not None:
            try:
                check(stored.as_sent(value))
            except RefusedError as refused:
                return f"{refused.code} {name}"
    return None


def _add(captured: Captured, line: bytes, variant: str, task: Task) -> None:
    try:
        for one in parts(line, variant, task):
            if isinstance(one, Prediction):
                captured.predictions.append(one)
            else:
                captured.reasons[one] += 1
    except UnreadableError as reason:
        captured.reasons[str(reason)] += 1


def parts(line: bytes, variant: str, task: Task) -> Iterator[Prediction | str]:
    """The records of one captured request; a reason in the place of one that cannot be read.

    Raises:
        UnreadableError: none of them can be, since the request or its answer is no such thing.
    """
    document = _json(line)
    data, moment = _member(document, "captureData"), _moment(document)
    request = _content(_member(data, "endpointInput"))
    response = _content(_member(data, "endpointOutput"))
    instances, predictions = _list(request, "instances"), _list(response, "predictions")
    model = _member(response, "model", {}).get("fingerprint", "")
    if not isinstance(model, str):
        raise UnreadableError("wrong_type model")
    if len(instances) != len(predictions):
        raise UnreadableError("answers do not match")
    for instance, prediction in zip(instances, predictions, strict=True):
        yield _prediction(instance, prediction, task, variant=variant, model=model, moment=moment)


def _prediction(
    instance: object, answer: object, task: Task, *, variant: str, model: str, moment: str
) -> Prediction | str:
    if not isinstance(instance, dict) or isinstance(instance, DuplicateKeys):
        return "not_object"
    if not isinstance(answer, dict):
        return "answer is no object"
    record_id: Any = answer.get("record_id")
    if not isinstance(record_id, str) or not record_id:
        return "missing record_id"
    try:
        output = task.read(answer)
    except AnswerError as error:
        return str(error)
    return Prediction(record_id, variant, model, output, moment, instance)


def _moment(document: dict[str, Any]) -> str:
    """When the endpoint answered. Answers are put in order by it, as text."""
    moment = _member(document, "eventMetadata").get("inferenceTime")
    if not isinstance(moment, str):
        raise UnreadableError("missing inferenceTime")
    return moment


def _content(part: dict[str, Any]) -> dict[str, Any]:
    data = part.get("data")
    if not isinstance(data, str):
        raise UnreadableError("missing data")
    try:
        raw = base64.b64decode(data) if part.get("encoding") == "BASE64" else data.encode()
    except ValueError:
        raise UnreadableError("data is not base64") from None
    return _json(raw)


def _json(raw: bytes) -> dict[str, Any]:
    try:
        content = parse(raw)
    except NotJsonError:
        raise UnreadableError("not_json") from None
    if not isinstance(content, dict):
        raise UnreadableError("not_object")
    return content


def _member(document: dict[str, Any], name: str, otherwise: Any = None) -> dict[str, Any]:
    found = document.get(name, otherwise)
    if not isinstance(found, dict):
        raise UnreadableError(f"missing {name}")
    return found


def _list(document: dict[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    if not isinstance(found, list):
        raise UnreadableError(f"missing {name}")
    return found
