"""A checkout gives the same bytes on every machine: assets are named for what they hold."""

from __future__ import annotations

import io
import subprocess
import tarfile

import pytest

from tests.support.copies import ROOT

FOLDERS = ("config", "core", "glue_jobs", "lambdas", "model_code")


def _checked_out(*options: str) -> dict[str, bytes]:
    """Files as a checkout with these options of git writes them."""
    command = ["git", *options, "archive", "--worktree-attributes", "HEAD", *FOLDERS]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    if found.returncode:
        pytest.skip("no git repository")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        members = [member for member in archive if member.isfile()]
        return {m.name: (archive.extractfile(m) or io.BytesIO()).read() for m in members}


def test_line_breaks_are_the_same_where_git_would_write_those_of_windows() -> None:
    here = _checked_out()
    assert len(here) > 50
    assert _checked_out("-c", "core.autocrlf=true") == here
    assert _checked_out("-c", "core.eol=crlf") == here
    assert not any(b"\r\n" in content for content in here.values())
