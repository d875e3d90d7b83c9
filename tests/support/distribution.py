"""Which tests share a worker, and which start first.

Deploying every stack takes half a minute of a processor: tests that ask a deployment go to one
worker, whatever their file; others go by file. What takes longest starts first, so that no worker
is left with it in the end. Within a worker the order is random.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

DEPLOYMENTS = ("prod_deployment", "demo_deployment")
# Whole stories, which nothing else can share, then the shared deployments.
FIRST = ("tests/local/test_full_loop.py", "tests/local/test_canary.py", *DEPLOYMENTS)
SLOW_FOLDERS = ("tests/local/", "tests/container/")


def group(item: pytest.Item) -> str:
    """The deployment that a test asks, or its file."""
    used = getattr(item, "fixturenames", ())
    file = item.nodeid.partition("::")[0]
    return next((name for name in DEPLOYMENTS if name in used), file)


def rank(unit: str) -> int:
    """Lower ranks start earlier."""
    if unit in FIRST:
        return FIRST.index(unit)
    return len(FIRST) + (not unit.startswith(SLOW_FOLDERS))


class LongestFirst(LoadGroupScheduling):
    """Hands out groups by rank; equal ones as they come."""

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)
