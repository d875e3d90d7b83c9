"""Which tests share a worker, and which start first.

Deploying every stack takes half a minute of a processor; a JVM with Spark, or the CDK's library and
its node process, several seconds before the first answer. Tests that ask for one of these go to one
worker, whatever their file; others go by file. What takes longest starts first, so that no worker
is left with it in the end. Within a worker the order is random.

Only a worker knows what its tests ask: it writes that down for the process that hands them out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Names the folder that the processes of one session share (tests/conftest.py).
SHARED = "MILLRACE_TEST_SESSION"
# What is started once: fixtures of two deployments and of Spark's JVM, and the mark of tests that
# build the app in their own process.
STARTED = ("prod_deployment", "demo_deployment", "jvm", "cdk")
# Whole stories, which nothing else can share, then what is shared.
FIRST = ("tests/local/test_full_loop.py", "tests/local/test_canary.py", *STARTED)
SLOW_FOLDERS = ("tests/local/", "tests/container/")


def _groups() -> Path:
    return Path(os.environ[SHARED], "groups.json")


def group(item: pytest.Item) -> str:
    """What is started for a test and others, or its file."""
    used = {*getattr(item, "fixturenames", ()), *(mark.name for mark in item.iter_markers())}
    file = item.nodeid.partition("::")[0]
    return next((name for name in STARTED if name in used), file)


def write_down(items: Iterable[pytest.Item]) -> None:
    """Each worker writes the same; whoever reads finds a whole file."""
    found = {item.nodeid: group(item) for item in items}
    own = _groups().with_suffix(f".{os.getpid()}")
    own.write_text(json.dumps(found))
    own.replace(_groups())


def rank(unit: str) -> int:
    """Lower ranks start earlier."""
    if unit in FIRST:
        return FIRST.index(unit)
    return len(FIRST) + (not unit.startswith(SLOW_FOLDERS))


class LongestFirst(LoadScopeScheduling):
    """Hands out groups by rank; equal ones as they come."""

    @cached_property
    def _group_of(self) -> dict[str, str]:
        return dict(json.loads(_groups().read_text()))

    def _split_scope(self, nodeid: str) -> str:
        return self._group_of[nodeid]

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)
