"""What an endpoint captured, written as it writes it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from model_code.monitoring import monitor

WINDOW = monitor.Window("2013-04-01T00:00:00Z", "2013-05-01T00:00:00.000Z")


def line(
    records: list[dict[str, Any]], probabilities: list[float], description: dict[str, str], at: str
) -> str:
    """One request as SageMaker captures it."""
    answer = {
        "predictions": [
            {"record_id": record["flight_id"], "probability": probability}
            for record, probability in zip(records, probabilities, strict=True)
        ],
        "model": description,
    }
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {
                    "observedContentType": "application/json",
                    "mode": "INPUT",
                    "data": json.dumps({"instances": records}),
                    "encoding": "JSON",
                },
                "endpointOutput": {
                    "observedContentType": "application/json",
                    "mode": "OUTPUT",
                    "data": base64.b64encode(json.dumps(answer).encode()).decode(),
                    "encoding": "BASE64",
                },
            },
            "eventMetadata": {"eventId": at, "inferenceTime": at},
            "eventVersion": "0",
        }
    )


def write_capture(root: Path, variant: str, lines: list[str]) -> None:
    folder = root / variant / "2026" / "11" / "21" / "07"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.jsonl").write_text("\n".join(lines) + "\n")
