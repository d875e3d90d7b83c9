"""Audit the pinned packages against known vulnerabilities, and never claim more than was asked.

pip-audit reports success when an index answers 404 to everything, and when its answers carry no
vulnerabilities at all, as some mirrors' do. So a version with published vulnerabilities is asked
for first: a service that does not know of them has audited nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from operations import audit_npm

_ROOT = Path(__file__).resolve().parents[1]
LOCKS = [*sorted(_ROOT.glob("requirements*.txt")), _ROOT / "package-lock.json"]
IMAGE_LOCKS = ("requirements-container.txt", "requirements-toolkit.txt")
"""Mirror SageMaker's image: what is vulnerable there is told, and only a new image mends it."""
CANARY = "jinja2==2.4.1"
"""Has had published vulnerabilities since 2014 (CVE-2014-1402)."""
PYPI: tuple[str, ...] = ("--vulnerability-service", "pypi")
OSV: tuple[str, ...] = ("--vulnerability-service", "osv")

QUICK = ("--disable-pip", "--timeout", "10")
"""The lock files name every package: pip need not resolve them."""


def audit(locks: Sequence[Path], services: Sequence[Sequence[str]], *, require: bool) -> int:
    """Exit code: 1 if a package is vulnerable, or was not audited although that is required."""
    if not locks:
        return 0
    service = next((service for service in services if _knows_canary(service)), None)
    if service is None:
        return _not_audited("service unreachable, or without vulnerability data", require)
    answers = {lock: _ask(service, lock) for lock in locks}
    if None in answers.values():
        return _not_audited("the service stopped answering", require)
    image = [a for lock, a in answers.items() if lock.name in IMAGE_LOCKS]
    ours = [a for lock, a in answers.items() if lock.name not in IMAGE_LOCKS]
    packages = _distinct(package for answer in answers.values() for package in answer or ())
    _tell("vulnerable in SageMaker's image", image)
    vulnerable = _tell("vulnerable", ours)
    unknown = sorted(package["name"] for package in packages if "skip_reason" in package)
    print(f"audited: {len(packages) - len(unknown)} packages, {vulnerable} vulnerable")
    if vulnerable:
        return 1
    if unknown:
        return _not_audited(f"the service does not know {', '.join(unknown)}", require)
    return 0


def _tell(how: str, answers: Iterable[list[dict[str, Any]] | None]) -> int:
    """Print each vulnerable package once; how many there are."""
    packages = _distinct(package for answer in answers for package in answer or ())
    found = [package for package in packages if package.get("vulns")]
    for package in found:
        print(f"{how}: {package['name']} {package['version']}: {_advisories(package)}")
    return len(found)


def _not_audited(reason: str, require: bool) -> int:
    print(f"not audited: {reason}")
    return 1 if require else 0


def _knows_canary(service: Sequence[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "canary.txt"
        lock.write_text(f"{CANARY}\n")
        packages = _ask((*service, "--no-deps"), lock)
    return any(package.get("vulns") for package in packages or [])


def _distinct(packages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(item["name"], item.get("version")): item for item in packages}.values())


def _ask(options: Sequence[str], lock: Path) -> list[dict[str, Any]] | None:
    """pip-audit's findings by package, or nothing if the service did not answer."""
    output = ("--format", "json", "--progress-spinner", "off")
    result = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, "-r", str(lock), *output, *QUICK],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(result.stdout)["dependencies"]
    except json.JSONDecodeError:
        return None
    return found


def _advisories(package: dict[str, Any]) -> str:
    return ", ".join(
        f"{known['id']} (fixed in {', '.join(known['fix_versions']) or 'no release'})"
        for known in package["vulns"]
    )


def main(arguments: Sequence[str]) -> int:
    """Exit code of the audit of the repository's lock files, Python's and npm's."""
    parser = argparse.ArgumentParser(prog="python -m operations.audit")
    parser.add_argument("--require", action="store_true", help="fail if nothing could be audited")
    parser.add_argument("--osv-url", help="query endpoint of an OSV service to ask, and no other")
    parser.add_argument("--npm-registry", help="npm registry to ask instead of npm's own setting")
    parser.add_argument("lock", nargs="*", type=Path, default=LOCKS)
    options = parser.parse_args(arguments)
    services = [(*OSV, "--osv-url", options.osv_url)] if options.osv_url else [PYPI, OSV]
    npm = [lock for lock in options.lock if lock.suffix == ".json"]
    python = [lock for lock in options.lock if lock not in npm]
    codes = (
        audit(python, services, require=options.require),
        audit_npm.audit(npm, require=options.require, registry=options.npm_registry),
    )
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
