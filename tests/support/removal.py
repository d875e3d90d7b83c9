"""Take optional capabilities out of a copy of the repository, as docs/architecture.md says.

``python -m tests.support.removal <capability>…`` makes a copy in a temporary folder, writes anew
what programs write, prints what was edited, and runs the checks. Without names all of them go.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config import resource_types
from config.load import REPOSITORY
from stacks import registry

TESTS = ("tests/contract", "tests/stacks", "tests/snapshot", "tests/review", "tests/fidelity",
         "tests/nag", "tests/local/test_denied_table.py")  # fmt: skip
FOLDERS = ("stacks", "tests/stacks", "tests/local/capabilities")
# A section of a settings file, up to the next line that begins one.
_SECTION = r"^{capability}:\n(?:[ #].*\n)*"
INSTALLED = (".venv", "node_modules", "build/layers", "build/container", "build/review-tools")
GENERATORS = (
    "config.schema",
    "operations.pages",
    "operations.fidelity",
    "tests.contract.test_settings_cost",
)
SNAPSHOTS = ("pytest", "-q", "tests/snapshot", "--snapshot-update")
REVIEWED = ("dev", "prod")


def remove(root: Path, capability: str) -> Iterator[Path]:
    """Delete its folders, line, field and sections; gives the files that were edited."""
    for folder in FOLDERS:
        shutil.rmtree(root / folder / capability, ignore_errors=True)
    line = rf'^    "{capability}",\n|(?<=\()"{capability}",(?=\))'
    settings = rf"^from stacks\.{capability}\.settings .*\n|^    {capability}: .*\n"
    yield from _without(root / "stacks" / "registry.py", line)
    yield from _without(root / "config" / "settings.py", settings)
    for path in sorted((root / "config").glob("*.yaml")):
        yield from _without(path, _SECTION.format(capability=capability))


def forget_stores(root: Path, kinds: set[str]) -> None:
    """Take the ids of types that nobody deploys any more out of the list of stateful ones."""
    path = root / "tests" / "snapshot" / "stateful_ids.json"
    listed = json.loads(path.read_text(encoding="utf-8"))
    left = {
        place: {
            stack: {name: kind for name, kind in ids.items() if kind not in kinds}
            for stack, ids in stacks.items()
        }
        for place, stacks in listed.items()
    }
    path.write_text(json.dumps(left, indent=1) + "\n", encoding="utf-8")


def copy(source: Path, target: Path) -> None:
    """All files but ignored ones, a new one too, linked to what is installed and built here."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    subprocess.run(["git", "add", "--all"], cwd=target, check=True)
    for name in INSTALLED:
        if (source / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).symlink_to((source / name).resolve())


def _without(path: Path, pattern: str) -> Iterator[Path]:
    before = path.read_text(encoding="utf-8")
    after = re.sub(pattern, "", before, flags=re.MULTILINE)
    if after != before:
        path.write_text(after, encoding="utf-8")
        yield path


def regenerate(root: Path) -> None:
    """Write anew what programs write: schema, pages, snapshots, baselines."""
    for module in GENERATORS:
        _run(root, module)
    subprocess.run([sys.executable, "-m", *SNAPSHOTS], cwd=root, check=False)
    for environment in REVIEWED:
        _run(root, "review", "--env", environment, "--accept")


def _run(root: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *arguments], cwd=root, check=True)


def check(root: Path) -> int:
    """Run the checks that a removal may break; how many fail."""
    commands = (
        ("ruff", "check", "--quiet", "."),
        ("ruff", "format", "--quiet", "--check", "."),
        ("mypy",),
        ("pytest", "-q", *TESTS),
    )
    return sum(
        subprocess.run([sys.executable, "-m", *command], cwd=root, check=False).returncode != 0
        for command in commands
    )


def main(capabilities: list[str]) -> int:
    """Copy, remove, write anew, check."""
    if unknown := [name for name in capabilities if name not in registry.OPTIONAL]:
        allowed = ", ".join(registry.OPTIONAL) or "none is left"
        sys.exit(f"CAPABILITY: {' '.join(unknown)} — allowed: {allowed} (stacks/registry.py)")
    target = Path(tempfile.mkdtemp(prefix="without-"))
    print(f"{target}: without {', '.join(capabilities)}")
    copy(REPOSITORY, target)
    gone = [REPOSITORY / "stacks" / name / "facts.yaml" for name in capabilities]
    rows = resource_types.read(path for path in gone if path.is_file())
    edited = {path for name in capabilities for path in remove(target, name)}
    forget_stores(target, set(rows) - set(resource_types.read([resource_types.TABLE])))
    _run(target, "ruff", "format", "--quiet", ".")
    regenerate(target)
    print(*sorted(str(path.relative_to(target)) for path in edited), sep="\n")
    return check(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(registry.OPTIONAL)))
