"""The optional capabilities. To remove one: its folder, its line here, its field of the settings.

What a folder may have, each read by the one who asks for it:

- ``settings``, ``rules`` and ``forms`` (of texts in its settings), without ``aws_cdk``;
- ``capability``, whose ``capability(settings)`` is told what the stacks make, or None where the
  settings do not want it;
- ``preflight``, whose ``answers(inquiry)`` asks the account before a deploy;
- ``leftovers``, whose ``PROBES`` look for what a deletion may leave, by type;
- ``here``, whose ``bring(platform, settings)`` gives the local platform what somebody else brings
  on AWS;
- ``facts.yaml``, rows for ``config/resource_types.yaml``; ``fidelity.yaml``, ``key-uses.yaml`` and
  ``aws-required-grants.yaml``, rows for the tables of these names in ``docs/``;
- ``acknowledged.yaml``, by how many it raises what an ADR counts (``review/decisions.py``);
- ``docs/<name>.md``, what stands between the marks of that name in a page of ``docs/``
  (``operations/pages.py``).

Its tests have folders of its name in ``tests/stacks/`` and ``tests/local/capabilities/``, which go
with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.rule import Rule
    from config.settings import Settings
    from stacks.kit.capability import Capability

OPTIONAL: tuple[str, ...] = (
    "replication",
    "backup",
)


def rules() -> Iterator[Rule]:
    """Rules of every capability; loads no construct."""
    for module in parts("rules"):
        yield from module.RULES


def parts(name: str) -> Iterator[Any]:
    """The modules of that name, of capabilities that have one."""
    for capability in OPTIONAL:
        path = f"stacks.{capability}.{name}"
        if find_spec(path) is not None:
            yield import_module(path)


def files(name: str) -> Iterator[Path]:
    """The files of that name, of capabilities that have one."""
    for capability in OPTIONAL:
        spec = find_spec(f"stacks.{capability}")
        for place in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(place) / name
            if path.is_file():
                yield path


def wanted(settings: Settings) -> Iterator[Capability]:
    """Capabilities that the settings ask for."""
    for module in parts("capability"):
        capability = module.capability(settings)
        if capability is not None:
            yield capability
