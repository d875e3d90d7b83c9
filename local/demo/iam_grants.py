"""What the run used of each role's grants, by stack and logical id: the review page reads it.

Physical names differ from run to run; logical ids are the templates' own, so the record of a run
under the demo's settings can be laid beside the templates of any other settings. Policies are read
before the tear-down and judged after it, for deleting is a call too.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from local.demo.story import Granted, Story
from local.emulator import iam_report
from local.platform import ROOT
from operations.required_grants import TABLE

FILE_NAME = "iam.json"
NAMED = 20
"""Grants that an error names; the record has all."""


class UnusedGrantError(Exception):
    """Grants that no call used and the table does not list."""


def granted(story: Story) -> Granted:
    """Policies and holders of every deployed role."""
    iam, path = story.client("iam"), story.scope.role_path
    roles = story.deployed.of_type("AWS::IAM::Role")
    places = {role.physical_id: (role.stack, role.logical_id) for role in roles}
    return Granted(
        policies={
            name: documents
            for name, documents in iam_report.deployed_policies(iam, path).items()
            # The auditor's role is the demo's own.
            if name in places
        },
        holders=iam_report.who_holds(
            iam_report.trusted_services(iam, path),
            {name: "/".join(place) for name, place in places.items()},
        ),
        places=places,
    )


def used(story: Story) -> dict[str, Any]:
    """The coverage report of the whole run, without grants where nothing was deployed."""
    found = story.findings.granted or Granted({}, {}, {})
    decisions = iam_report.read_decisions(story.platform.state_dir)
    return iam_report.build_report(decisions, found.policies, found.holders)


def unused(story: Story, found: dict[str, Any]) -> list[str]:
    """Each grant that was neither used nor listed, in words."""
    holders = story.findings.granted.holders if story.findings.granted else {}
    return [
        f"{holders[grant['role']].place or grant['role']}: {grant['action']} on "
        f"{grant['resource']}" + (" under a condition" if grant["conditions"] else "")
        for grant in found["unused_grants"]
    ]


def assert_used_or_listed(unused_grants: list[str]) -> None:
    """Raise ``UnusedGrantError`` when there is any."""
    if not unused_grants:
        return
    more = len(unused_grants) - NAMED
    named = "; ".join(unused_grants[:NAMED]) + (f"; and {more} more" if more > 0 else "")
    raise UnusedGrantError(
        f"{len(unused_grants)} grants were not used and do not fit docs/{TABLE.name}: remove them, "
        f"use them, or list them with the page that asks for them: {named}"
    )


def by_role(found: dict[str, Any], places: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Each deployed role with its actions: exercised, listed (with the page), unused.

    ``found`` is the coverage report of ``local.emulator.iam_report``. An action that one statement
    of the role served counts as exercised, whatever other statements name it too.
    """
    exercised: dict[str, set[str]] = defaultdict(set)
    pages: dict[str, dict[str, str]] = defaultdict(dict)
    left: dict[str, set[str]] = defaultdict(set)
    for grant in found["used_grants"]:
        exercised[grant["role"]].add(grant["action"])
    for grant in found["listed_grants"]:
        pages[grant["role"]][grant["action"]] = grant["page"]
    for grant in found["unused_grants"]:
        left[grant["role"]].add(grant["action"])
    return [
        {
            "stack": stack,
            "logical_id": logical_id,
            "exercised": sorted(exercised[name]),
            "listed": {
                action: page
                for action, page in sorted(pages[name].items())
                if action not in exercised[name]
            },
            "unused": sorted(left[name]),
        }
        for name, (stack, logical_id) in sorted(places.items(), key=lambda item: item[1])
    ]


def write(story: Story, found: dict[str, Any]) -> None:
    """Write ``iam.json`` beside the report."""
    places = story.findings.granted.places if story.findings.granted else {}
    document = {
        "started": story.started.isoformat(timespec="seconds"),
        "commit": commit(ROOT),
        "calls": found["calls"],
        "denied": sum(denial["count"] for denial in found["denied"]),
        "roles": by_role(found, places),
        "unused_grants": found["unused_grants"],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
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
