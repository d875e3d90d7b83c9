"""The workflows that ship as CI: valid, pinned, least permissions, no foreign text in a shell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from review.comment import MARKER
from tests.support.yaml_files import parsed

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
TARGET = re.compile(r"\bmake (?:-C \w+ )?([a-z-]+)")
NAMES = [path.name for path in WORKFLOWS]

pytestmark = pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)


def _jobs(path: Path) -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = parsed(path.read_text())["jobs"]
    return jobs


def _steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in _jobs(path).values() for step in job["steps"]]


def _lint(path: Path) -> subprocess.CompletedProcess[str]:
    """Against the schema that the package holds: nothing is fetched."""
    schema = ("--builtin-schema", "vendor.github-workflows")
    command = [str(Path(sys.executable).with_name("check-jsonschema")), *schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_workflows_satisfy_the_schema(path: Path, tmp_path: Path) -> None:
    run = _lint(path)
    assert run.returncode == 0, run.stdout
    wrong = tmp_path / path.name
    wrong.write_text(path.read_text().replace("timeout-minutes:", "timeout-minute:", 1))
    assert _lint(wrong).returncode == 1


def test_every_action_is_pinned_by_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    assert [one for one in used if not PINNED.fullmatch(one)] == []


def test_every_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for step in _steps(path) for name in TARGET.findall(step.get("run", ""))}
    assert named
    assert named <= targets


def test_modules_that_run_exist(path: Path) -> None:
    named = {
        name for step in _steps(path) for name in re.findall(r" -m ([\w.]+)", step.get("run", ""))
    }
    missing = [name for name in named if not (ROOT / f"{name.replace('.', '/')}.py").is_file()]
    assert missing == []


def test_no_expression_reaches_a_shell(path: Path) -> None:
    """Titles and branch names are written by anybody; values go through `env`."""
    assert [step["run"] for step in _steps(path) if "${{" in step.get("run", "")] == []


def test_foreign_code_never_meets_a_token_that_writes(path: Path) -> None:
    text = path.read_text()
    assert "pull_request_target" not in text
    assert "workflow_run" not in text
    for job in _jobs(path).values():
        checkouts = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)
        if checkouts:
            assert job["permissions"] in (
                {"contents": "read"},
                {"contents": "read", "id-token": "write"},
            )


def test_a_credential_for_aws_waits_for_a_reviewer(path: Path) -> None:
    for job in _jobs(path).values():
        asks = "id-token" in job["permissions"]
        assert asks == ("environment" in job)
        assert not asks or not any("cache" in step.get("uses", "") for step in job["steps"])
    assert "secrets." not in path.read_text()


def test_a_deploy_s_session_lasts_as_long_as_its_job(path: Path) -> None:
    """The session that is open when ``make deploy`` runs; it is not renewed."""
    for job in _jobs(path).values():
        seconds = 0
        for step in job["steps"]:
            if "configure-aws-credentials" in step.get("uses", ""):
                seconds = step["with"].get("role-duration-seconds", 3600)
            if "make deploy" in step.get("run", ""):
                assert seconds >= job["timeout-minutes"] * 60


def test_jobs_end_and_do_not_pile_up(path: Path) -> None:
    workflow = parsed(path.read_text())
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_the_comment_is_found_by_its_marker(path: Path) -> None:
    text = path.read_text()
    assert ("issues" in text and "gh api" in text) == (MARKER in text)
