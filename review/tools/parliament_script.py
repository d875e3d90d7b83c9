"""Runs in the checkers' own environment: policies on standard input, findings on standard output.

Input: a JSON list of policy documents. Output: ``{"version", "findings": [[…] per policy]}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import parliament  # type: ignore[import-not-found]


def findings(policy: dict[str, Any]) -> list[dict[str, str]]:
    """What parliament says of one policy, each thing once."""
    analysed = parliament.analyze_policy_string(json.dumps(policy), ignore_private_auditors=True)
    found = {
        (entry.issue, entry.title, _detail(entry.detail))
        for entry in map(parliament.enhance_finding, analysed.findings)
    }
    return [{"issue": i, "title": t, "detail": d} for i, t, d in sorted(found)]


def _detail(detail: Any) -> str:
    if isinstance(detail, list):
        return ", ".join(
            item.get("action", str(item)) if isinstance(item, dict) else str(item)
            for item in detail
        )
    return str(detail)


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(
            {
                "version": parliament.__version__,
                "findings": [findings(policy) for policy in json.load(sys.stdin)],
            }
        )
    )
