"""The process behind `peak_memory`: loads one artifact, runs the rows, prints its own peak.

    python -m edgekit.benchmark.peak_worker ARTIFACT ROWS.npz --threads N [--compute-units UNIT]

Prints one line of JSON, `{"peak_bytes": …, "rows": …}`. It must import nothing that the runner does
not need, or that would be measured too.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edgekit.benchmark.rows_file import load_rows
from edgekit.quiet import hush
from edgekit.runtimes import open_runner

_STATUS = Path("/proc/self/status")


def peak_resident_bytes() -> int:
    """Highest resident set of this process so far."""
    # Not `ru_maxrss` on Linux: it survives exec, so a child starts with the memory of its parent.
    if sys.platform == "linux":
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(arguments: list[str] | None = None) -> int:
    """Runs the worker; a failure is a traceback on stderr, whose end `peak_memory` reports."""
    parser = argparse.ArgumentParser(prog="python -m edgekit.benchmark.peak_worker")
    parser.add_argument("artifact", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compute-units")
    options = parser.parse_args(arguments)
    hush()
    runner = open_runner(options.artifact, threads=options.threads, compute_units=options.compute_units)
    count = 0
    for batch in load_rows(options.rows):
        runner.run(batch)
        count += 1
    print(json.dumps({"peak_bytes": peak_resident_bytes(), "rows": count}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
