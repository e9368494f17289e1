"""The Core ML evaluator against the op tests that ship inside coremltools.

Limit: the tests compare with an absolute tolerance of 0.5 for half precision (coremltools' own choice), so a
pass says that an operation's meaning is right, not that its last bits are. Only cases that predict from an ML
Program count; those of the old neural-network format don't.

Run: python benchmarks/coreml_conformance.py [--every N] [--processes N] [TEST_FILE_PART ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = "coremltools.converters.mil.mil.ops.tests"
ROOT = Path(__file__).resolve().parent.parent


def test_files(parts: list[str]) -> list[Path]:
    """coremltools' op test files whose path contains any of `parts`; all without parts."""
    spec = importlib.util.find_spec("coremltools")
    if spec is None or spec.origin is None:
        sys.exit('coremltools is not installed. Install it with: pip install "edgekit[coreml]"')
    folder = Path(spec.origin).parent.joinpath(*TESTS.split(".")[1:])
    files = sorted(folder.glob("*/test_*.py"))
    return [
        path for path in files if not parts or any(part in str(path.relative_to(folder)) for part in parts)
    ]


def run(files: list[Path], *, every: int, processes: int, report: Path) -> int:
    """Runs the tests in a process of their own and returns pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.mil.conformance_plugin", "-p", "no:cacheprovider"]
    command += ["-q", "--tb=no", "-W", "ignore", "--no-header", "--show-capture=no", "-r", "N"]
    command += [f"--conformance-every={every}", f"--conformance-report={report}"]
    # A test may hang or fall over at one operation; the others still count.
    if processes > 1:
        command += ["-n", str(processes), "--dist", "worksteal"]
    # One thread each: the tensors are tiny.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run([*command, *map(str, files)], cwd=ROOT, env=environment, check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help="only test files whose path contains one of these")
    parser.add_argument("--every", type=int, default=1, help="run only every Nth case: a sample")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    files = test_files(options.parts)
    if not files:
        sys.exit(f"No test file of coremltools contains {options.parts}.")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        code = run(files, every=options.every, processes=options.processes, report=report)
        if code > 1 or not report.exists():
            sys.exit(f"pytest stopped with exit code {code}.")
        counts = json.loads(report.read_text(encoding="utf-8"))
    for name, cause in counts["failures"].items():
        print(f"{name.rsplit('tests/', maxsplit=1)[-1]}\n    {cause}")
    figures = {
        key: counts[key] for key in ("predicted", "passed", "failed", "skipped", "failed_before_predicting")
    }
    share = counts["passed"] / max(1, counts["predicted"])
    seconds = round(time.perf_counter() - started, 1)
    print(
        json.dumps(
            {"benchmark": "coreml_conformance", **figures, "share": round(share, 4), "seconds": seconds}
        )
    )


if __name__ == "__main__":
    main()
