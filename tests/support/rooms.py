"""What optional capabilities add to tests that look at the whole deployment.

It lies beside a capability's own tests, in ``tests/stacks/<capability>/expected.yaml``, and leaves
with them:

- ``service_roles``: roles with which a service calls from its own network, ``<stack>/<construct>``;
- ``policies_without_context``: policies that cannot name what a key is used for;
- ``denied``: rows of ``denied_table.yaml``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from config.load import REPOSITORY
from stacks import registry
from tests.support.yaml_files import parsed

KNOWN = {"service_roles", "policies_without_context", "denied"}


@cache
def expected(name: str) -> list[Any]:
    """What each capability says under a name."""
    assert name in KNOWN
    found = []
    for capability in registry.OPTIONAL:
        path = REPOSITORY / "tests" / "stacks" / capability / "expected.yaml"
        if path.is_file():
            told = parsed(path.read_text())
            assert told.keys() <= KNOWN, path
            found += [told[name]] if name in told else []
    return found
