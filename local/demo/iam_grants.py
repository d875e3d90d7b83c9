"""What the run used of each role's grants, by stack and logical id: the review page reads it.

Physical names differ from run to run; logical ids are the templates' own, so the record of a run
under the demo's settings can be laid beside the templates of any other settings.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from local.demo.story import Story
from local.platform import ROOT

FILE_NAME = "iam.json"


def by_role(story: Story, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Each deployed role with its actions: exercised, needed by AWS only (with the page), unused.

    ``found`` is the coverage report of ``local.emulator.iam_report``. An action that one statement
    of the role served counts as exercised, whatever other statements name it too.
    """
    exercised: dict[str, set[str]] = defaultdict(set)
    pages: dict[str, dict[str, str]] = defaultdict(dict)
    unused: dict[str, set[str]] = defaultdict(set)
    for grant in found["used_grants"]:
        exercised[grant["role"]].add(grant["action"])
    for grant in found["aws_only_grants"]:
        pages[grant["role"]][grant["action"]] = grant["page"]
    for grant in found["unused_grants"]:
        unused[grant["role"]].add(grant["action"])
    roles = [r for r in story.deployed.resources if r.type == "AWS::IAM::Role"]
    return [
        {
            "stack": role.stack,
            "logical_id": role.logical_id,
            "exercised": sorted(exercised[name]),
            "aws_only": {
                action: page
                for action, page in sorted(pages[name].items())
                if action not in exercised[name]
            },
            "unused": sorted(unused[name] - exercised[name] - pages[name].keys()),
        }
        for role in sorted(roles, key=lambda role: (role.stack, role.logical_id))
        for name in (role.physical_id,)
    ]


def write(story: Story, found: dict[str, Any]) -> None:
    """Write ``iam.json`` beside the report."""
    document = {
        "started": story.started.isoformat(timespec="seconds"),
        "commit": commit(ROOT),
        "calls": found["calls"],
        "denied": sum(denial["count"] for denial in found["denied"]),
        "roles": by_role(story, found),
    }
    text = json.dumps(document, indent=1) + "\n"
    (story.output / FILE_NAME).write_text(text, encoding="utf-8")


def commit(folder: Path) -> str:
    """Commit of the working tree, ``+ changes`` when it differs; ``unknown`` outside git."""
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} + changes" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
