"""A sample of coremltools' own op tests; `make conformance` runs all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coreml_conformance.py"


# One file each of the oldest and the newest generation and of what they share; few enough to take seconds.
FILES = (
    "iOS14/test_control_flow",
    "iOS14/test_pool",
    "iOS16/test_scatter_gather",
    "iOS18/test_states",
    "iOS18/test_tr",
)


def test_a_sample_of_coremltools_op_tests_passes() -> None:
    command = [sys.executable, str(SCRIPT), *FILES, "--every", "11", "--processes", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["predicted"] >= 15, done.stdout
    assert counts["passed"] >= 0.97 * counts["predicted"], done.stdout
