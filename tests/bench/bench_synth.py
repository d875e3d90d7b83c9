"""Whole-process synth of the ``prod`` app against an empty one-bucket app, in the same run.

Every round starts fresh processes in turn, so that a busy moment of the machine falls on all of
them; medians and their ratios are printed, by the clock and by processor time, which other people's
work disturbs less. The command is the one of ``cdk.json`` and the environment the one that the
Makefile sets: jsii's unpacked packages and Python's bytecode are kept between runs.

CDK validates every template at synth unless told otherwise (``cdk synth --no-validation``, which
``make synth`` uses; ``make check`` and ``make deploy`` validate). Loading that engine is most of an
empty app's time, so each case stands beside the empty app with the same checks: validated beside
validated, unvalidated beside unvalidated.

Where the processor time of ``prod`` with six packs goes, in ms beside 540 for the whole empty app
(Python 3.11, Node 24, 344 resources, 2,900 calls of Node; a busy machine adds a tenth or two):

======================================================================== ====
Python: interpreter, jsii, the CDK's root module                          120
Python: 22 of the CDK's service modules 270, settings and contract 150    420
Node: start, runtime, the CDK's and the packs' type descriptions          380
Stacks, in Python: arguments written, answers read, archives made         420
Stacks, in Node: 170 service modules read for the first time, 190
constructs, 200 the kernel's types, the rest messages and memory          800
The process of jsii's that carries each message between the two           160
Synth: references between stacks 200, templates and assets 160, ids of
acknowledged findings 80                                                  450
Packs: their 270 files 100, services' modules that their rules name 120,
the rules on each resource 200                                            420
======================================================================== ====

Ours is the number of calls (60 to 400 µs each, of all three processes). What is left in the way of
the aims is not: the modules that Python and Node read and compile anew in each process (jsii links
packages below a folder of another name each time, so that Node's compile cache never finds them),
the message's way through three processes, and six packs that walk the tree one by one.
Run with ``python -m tests.bench.bench_synth [rounds]``.
"""

from __future__ import annotations

import json
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.load import REPOSITORY
from tests.bench import report
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
    """One kind of process: what it runs and which checks are on."""

    name: str
    command: tuple[str, ...]
    nag: bool = False
    validation: bool = False
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one process tree: by the clock, and of processors."""

    wall: float
    cpu: float


APP = tuple(shlex.split(json.loads((REPOSITORY / "cdk.json").read_text())["app"])[1:])
EMPTY = Case("empty app, validated", (*APP[:-1], "-c", EMPTY_APP), validation=True)
BARE = Case("empty app, not validated", EMPTY.command)
MEASURED = (
    Case("prod without packs", APP, aim=AIM_WITHOUT_PACKS),
    Case("prod with six packs", APP, nag=True, aim=AIM_WITH_PACKS),
    Case("prod, six packs, validated", APP, nag=True, validation=True, aim=AIM_WITH_PACKS),
)
CASES = (EMPTY, BARE, *MEASURED)


def environment_of(case: Case, outdir: Path) -> dict[str, str]:
    """Process environment: what the Makefile exports, and the case's checks."""
    extra = {
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        "CDK_VALIDATION": str(case.validation).lower(),
        # Empty means unset: without bytecode files each process compiles the CDK's modules anew.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return synth_environment("prod", outdir, nag=case.nag, extra=extra)


def run_once(case: Case, outdir: Path) -> Taken:
    """Seconds of one fresh process.

    Raises:
        RuntimeError: the synth failed, so its time says nothing.
    """
    environment = environment_of(case, outdir)
    command = [sys.executable, *case.command]
    start, busy = time.perf_counter(), _children_cpu()
    run = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    taken = Taken(time.perf_counter() - start, _children_cpu() - busy)
    if run.returncode != 0:
        raise RuntimeError(f"{case.name} failed:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
    return taken


def _children_cpu() -> float:
    """Processor seconds of every child that has ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resource_count(outdir: Path) -> int:
    """Resources in all templates of an assembly."""
    return sum(
        len(json.loads(path.read_text()).get("Resources", {}))
        for path in outdir.glob("*.template.json")
    )


def measure(rounds: int = ROUNDS) -> tuple[dict[str, list[Taken]], int]:
    """What every round took by case, and the number of resources of the app.

    One warm-up round fills the caches and is not counted.
    """
    found: dict[str, list[Taken]] = {case.name: [] for case in CASES}
    resources = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for case in CASES:
                outdir = Path(folder) / str(CASES.index(case))
                taken = run_once(case, outdir)
                if number:
                    found[case.name].append(taken)
                resources = max(resources, resource_count(outdir))
    return found, resources


def table(found: Mapping[str, list[Taken]], resources: int) -> str:
    """The result as text: each case beside its empty app, then its cost for each resource."""
    wall = {name: statistics.median(each.wall for each in taken) for name, taken in found.items()}
    cpu = {name: statistics.median(each.cpu for each in taken) for name, taken in found.items()}
    rows, costs = [], []
    for case in MEASURED:
        floor = (EMPTY if case.validation else BARE).name
        for kind, seconds, aim in (("clock", wall, case.aim), ("processor", cpu, None)):
            name = f"{case.name}, {kind}"
            rows.append(report.Row(name, seconds[case.name], floor, seconds[floor], aim))
        beyond = 1000 * (wall[case.name] - wall[floor]) / resources
        times = [each.wall for each in found[case.name]]
        costs.append(
            f"{case.name}: {beyond:.1f} ms for each of {resources} resources beyond the empty app "
            f"(aim {AIM_MS_PER_RESOURCE:g}); from {min(times):.2f} to {max(times):.2f} s"
        )
    return "\n".join([report.table(rows), *costs, report.load()])


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
    found, resources = measure(rounds)
    print(f"Whole processes, median of {rounds} rounds; Node {node_version()}")
    print(table(found, resources))


if __name__ == "__main__":
    main()
