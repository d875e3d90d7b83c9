"""Pages that name code name code that exists."""

from __future__ import annotations

import re

from operations.checks import CHECKS
from tests.support.copies import ROOT

FIRST_DEPLOY = (ROOT / "docs" / "first-deploy.md").read_text()
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))


def test_first_deploy_names_every_automated_check_and_no_other() -> None:
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", FIRST_DEPLOY))
    checks = {check.__name__ for check in CHECKS}
    assert checks <= named
    claimed = {
        name
        for cell in re.findall(r"\| (auto[^|]*) \|", FIRST_DEPLOY)
        for name in re.findall(r"`([a-z_]+)`", cell)
    }
    assert claimed == checks


def test_decisions_are_numbered_once_and_links_to_them_hold() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(set(numbers)) == len(numbers)
    names = {path.stem for path in DECISIONS}
    places = (
        "config",
        "core",
        "bundles",
        "stacks",
        "lambdas",
        "glue_jobs",
        "model_code",
        "local",
        "docs",
    )
    for folder in places:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in {".py", ".md"}:
                continue
            for wanted in re.findall(r"docs/adr/(\d{4}[a-z0-9-]*)", path.read_text()):
                assert any(name.startswith(wanted) for name in names), f"{path}: {wanted}"
