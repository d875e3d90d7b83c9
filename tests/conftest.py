"""What every test shares: properties are judged by their truth, not by a clock."""

from __future__ import annotations

import gc

# What the test modules import is a million objects that live as long as the process: looking for
# cycles among them takes longer than the imports, and later a second at a time.
gc.disable()

# ruff: noqa: E402 - the garbage collector is off before the imports
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# As in app.py: node's threads for compiling and collecting cost more than they save.
os.environ.setdefault("NODE_OPTIONS", "--v8-pool-size=1")

# What support modules assert is shown as what tests assert.
pytest.register_assert_rewrite("tests.support")

from local import address_grammar
from local.engines.process import INSTALLS_VARIABLE
from tests.support import distribution

address_grammar.put_off()

settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")


def pytest_configure(config: pytest.Config) -> None:
    """A folder for what all workers read; the process that starts them removes it."""
    if distribution.SHARED not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="millrace-tests-")
        os.environ[distribution.SHARED] = folder.name
        os.environ[INSTALLS_VARIABLE] = str(Path(folder.name, "installs"))
        config.add_cleanup(folder.cleanup)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on cycles are collected, among what the tests make."""
    distribution.write_down(session.items)
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """``--dist loadgroup`` is ours: xdist's own depends on what this pytest no longer has."""
    if config.getvalue("dist") != "loadgroup":
        return None
    return distribution.LongestFirst(config, log)
