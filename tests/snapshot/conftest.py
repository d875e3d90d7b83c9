"""The templates that these tests read are synthesised side by side, before the first of them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.synth import assembly


@pytest.fixture(scope="session", autouse=True)
def _assemblies(request: pytest.FixtureRequest) -> None:
    """Each synth is a process of its own, so a thread that waits for it is enough."""
    parameters = [item.callspec.params for item in request.session.items if _of_snapshots(item)]
    wanted = {each["environment"] for each in parameters if "environment" in each}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(assembly, sorted(wanted)))


def _of_snapshots(item: pytest.Item) -> bool:
    return item.nodeid.startswith("tests/snapshot/") and hasattr(item, "callspec")
