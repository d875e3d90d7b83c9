"""The endpoint's hooks: ``model_fn``, ``input_fn``, ``predict_fn``, ``output_fn``.

Only the hooks that both SageMaker serving toolkits share, and none takes a context. A request is
``{"instances": [record, ...]}`` with validated records, whose classified fields are pseudonyms.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# In a model archive this file lies at the root of code/, beside the packages it imports.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from model_code.models import Model

JSON = "application/json"
LONGEST_BATCH = 500


def _client_error() -> type[Exception]:
    try:
        from sagemaker_inference.errors import (  # noqa: PLC0415 - one of two toolkits has it
            GenericInferenceToolkitError,
        )
    except ImportError:
        return ValueError
    return GenericInferenceToolkitError  # type: ignore[no-any-return]


def _refuse(code: str, field: str | None, message: str) -> Exception:
    """An error that the toolkit answers with status 400; its message is the error's document."""
    document = json.dumps({"error": {"code": code, "field": field, "message": message}})
    kind = _client_error()
    return kind(document) if kind is ValueError else kind(400, document, "Bad Request")


def model_fn(model_dir: str) -> Model:
    """Load the model directory."""
    return Model(Path(model_dir))


def input_fn(request_body: str | bytes, content_type: str) -> list[dict[str, Any]]:
    """The request's records; an error of status 400 if it is not one."""
    if content_type.split(";", maxsplit=1)[0].strip().lower() != JSON:
        raise _refuse("content_type", None, f"content type is {content_type!r}; allowed: {JSON}")
    try:
        content = json.loads(request_body)
    except ValueError:
        raise _refuse("not_json", None, "the request is not JSON") from None
    records = content.get("instances") if isinstance(content, dict) else None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise _refuse("missing", "instances", "instances must be a list of records")
    if not 0 < len(records) <= LONGEST_BATCH:
        allowed = f"allowed: 1 to {LONGEST_BATCH}"
        raise _refuse("too_long", "instances", f"instances holds {len(records)}; {allowed}")
    return records


def predict_fn(input_data: list[dict[str, Any]], model: Model) -> dict[str, Any]:
    """Probability of each record, with the model that gave it."""
    id_field = model.contract["event"]["id_field"]
    try:
        probabilities = model.predict(input_data)
    except (TypeError, ValueError):
        # Values never enter the message: they may be classified.
        raise _refuse("wrong_type", None, "a feature has a value of the wrong type") from None
    return {
        "predictions": [
            {"record_id": record.get(id_field), "probability": probability}
            for record, probability in zip(input_data, probabilities, strict=True)
        ],
        "model": model.description(),
    }


def output_fn(prediction: dict[str, Any], accept: str) -> str:
    """The answer as JSON, whatever ``accept`` says: there is no other format."""
    del accept
    return json.dumps(prediction)
