"""Whole-process synth of the ``prod`` app against an empty one-bucket app, in the same run.

Every round starts fresh processes in turn (empty, app without packs, app with the six packs), so
that a busy moment of the machine falls on all of them; medians and their ratios are printed. The
environment is the one that the Makefile sets: jsii's unpacked packages, Node's compiled code and
Python's bytecode are kept between runs. Run with ``python -m tests.bench.bench_synth [rounds]``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.load import REPOSITORY
from tests.synth import synth_environment

ROUNDS = 5
EMPTY_APP = """
from aws_cdk import App, Stack
from aws_cdk.aws_s3 import Bucket
app = App()
Bucket(Stack(app, "Empty"), "Bucket")
app.synth()
"""
# The aims of this benchmark; it reports, it does not fail.
AIM_WITHOUT_PACKS = 2.0
AIM_WITH_PACKS = 2.5
AIM_MS_PER_RESOURCE = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of process: what it runs and whether the packs are attached."""

    name: str
    command: tuple[str, ...]
    nag: bool


CASES = (
    Case("empty app, one bucket", ("-c", EMPTY_APP), nag=False),
    Case("prod without packs", ("app.py",), nag=False),
    Case("prod with six packs", ("app.py",), nag=True),
)


def speed_ups() -> dict[str, str]:
    """Variables that the Makefile exports for every target."""
    cache = REPOSITORY / "build" / "node-compile-cache"
    return {
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        "NODE_COMPILE_CACHE": str(cache),
        # Empty means unset: without bytecode files each process compiles the CDK's modules anew.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def run_once(case: Case, outdir: Path) -> float:
    """Seconds of one fresh process.

    Raises:
        RuntimeError: the synth failed, so its time says nothing.
    """
    environment = synth_environment("prod", outdir, nag=case.nag, extra=speed_ups())
    command = [sys.executable, *case.command]
    start = time.perf_counter()
    run = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if run.returncode != 0:
        raise RuntimeError(f"{case.name} failed:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
    return seconds


def resource_count(outdir: Path) -> int:
    """Resources in all templates of an assembly."""
    return sum(
        len(json.loads(path.read_text()).get("Resources", {}))
        for path in outdir.glob("*.template.json")
    )


def measure(rounds: int = ROUNDS) -> tuple[dict[str, list[float]], int]:
    """Seconds of every round by case, and the number of resources of the app.

    One warm-up round fills the caches and is not counted.
    """
    seconds: dict[str, list[float]] = {case.name: [] for case in CASES}
    resources = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for case in CASES:
                outdir = Path(folder) / str(CASES.index(case))
                taken = run_once(case, outdir)
                if number:
                    seconds[case.name].append(taken)
                resources = max(resources, resource_count(outdir))
    return seconds, resources


def table(seconds: Mapping[str, list[float]], resources: int) -> str:
    """The result as text: median, spread, ratio to the empty app, ms per resource beyond it."""
    floor = statistics.median(seconds[CASES[0].name])
    lines = [
        f"{resources} resources; seconds of whole processes, {len(seconds[CASES[0].name])} rounds",
        f"{'case':24}{'median':>8}{'min':>8}{'max':>8}{'ratio':>8}{'ms/resource':>13}",
    ]
    for case in CASES:
        times = seconds[case.name]
        median = statistics.median(times)
        beyond = 1000 * (median - floor) / resources
        lines.append(
            f"{case.name:24}{median:8.2f}{min(times):8.2f}{max(times):8.2f}"
            f"{median / floor:8.2f}{beyond:13.2f}"
        )
    lines.append(
        f"aims: without packs at most {AIM_WITHOUT_PACKS} times the empty app; with six packs at "
        f"most {AIM_WITH_PACKS} times and {AIM_MS_PER_RESOURCE} ms per resource"
    )
    return "\n".join(lines)


def node_version() -> str:
    """Version of the Node that jsii finds first on the path."""
    environment = synth_environment("prod", Path("unused"))
    run = subprocess.run(
        ["node", "--version"], env=environment, capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or "no node"


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seconds, resources = measure(rounds)
    print(f"Node {node_version()}")
    print(table(seconds, resources))


if __name__ == "__main__":
    main()
