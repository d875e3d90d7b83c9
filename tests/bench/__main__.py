"""``make bench``: each benchmark in its own process; ratios to a floor of the same run."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.report import load

BENCHMARKS = ("bench_synth", "bench_transform", "bench_spark", "bench_serving")


def main() -> int:
    """Run every benchmark and return the number that failed to run."""
    failed = 0
    for name in BENCHMARKS:
        print(f"\n== {name}: {load()} ==", flush=True)
        command = [sys.executable, "-m", f"tests.bench.{name}"]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
