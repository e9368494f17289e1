"""A sample of coremltools' own op tests; `make conformance` runs all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coreml_conformance.py"


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    results = folder / "results.jsonl"
    command = [sys.executable, str(SCRIPT), "--processes", "1", "--results", str(results), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_a_sample_of_coremltools_op_tests_passes(tmp_path: Path) -> None:
    done = run(tmp_path, "--every", "120")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["predicted"] >= 50, done.stdout
    assert counts["unexplained"] == 0
    # The suite's own tolerance of 0.5 in half precision would let an all-zero result pass.
    assert counts["within_1e_2"] >= 0.95 * counts["compared"], done.stdout


@pytest.mark.slow
def test_a_wrong_kernel_is_reported_and_exits_non_zero(tmp_path: Path) -> None:
    plugin = "from edgekit.mil.ops import OPS\nOPS['avg_pool'] = OPS['max_pool']\n"
    (tmp_path / "wrong_kernel.py").write_text(plugin, encoding="utf-8")
    done = run(tmp_path, "iOS14/test_pool", PYTEST_ADDOPTS="-p wrong_kernel", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "unexplained: iOS14/test_pool.py::TestAvgPool" in done.stdout
