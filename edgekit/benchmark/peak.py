"""Peak memory of a process that does nothing but load one artifact and run it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.benchmark.rows_file import save_rows
from edgekit.errors import DataError, EdgekitError
from edgekit.types import Batch

_ROWS = 64
_LONGEST = 16
_TAIL_LINES = 8


def peak_memory(
    path: Path,
    rows: Sequence[Batch],
    *,
    threads: int,
    compute_units: str | None = None,
    timeout_s: float = 600.0,
) -> int:
    """Bytes of resident memory at the peak, the Python interpreter and the runtime included.

    Args:
        path: the artifact, as `edgekit.runtimes.open_runner` takes it.
        rows: encoded batches; at most 64 of them are run, the longest among them.
        threads: CPU threads of the runner.
        compute_units: Core ML only.
        timeout_s: seconds after which the process is ended.

    Raises:
        DataError: no rows.
        EdgekitError: the process failed; carries the end of what it wrote to stderr.
    """
    if not rows:
        raise DataError("Peak memory needs at least one row to run.", remedy="Give some encoded rows.")
    with tempfile.TemporaryDirectory(prefix="edgekit-peak-") as folder:
        saved = Path(folder) / "rows.npz"
        save_rows(saved, representative_rows(rows))
        command = [sys.executable, "-m", "edgekit.benchmark.peak_worker", str(path.absolute()), str(saved)]
        command += ["--threads", str(threads)]
        if compute_units:
            command += ["--compute-units", compute_units]
        told = run_worker(command, f"Measuring the memory of {path.name}", timeout_s=timeout_s)
    return int(told["peak_bytes"])


def run_worker(command: Sequence[str], what: str, *, timeout_s: float) -> dict[str, Any]:
    """Runs a process that prints one JSON object as its last line.

    Args:
        what: begins the errors: "Measuring the memory of model.onnx".
        timeout_s: seconds after which the process is ended.

    Raises:
        EdgekitError: it failed, took too long or gave no answer; carries the end of what it wrote to stderr.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise EdgekitError(
            f"{what} took longer than {timeout_s:g} s.", remedy="Give fewer or shorter rows."
        ) from error
    if done.returncode != 0:
        raise EdgekitError(
            f"{what} failed: {_reason(done.returncode, done.stderr)}",
            remedy="Check the artifact with `edgekit verify`, and that enough memory is free.",
        )
    # A runtime may print something of its own first; the worker's answer is the last line.
    lines = done.stdout.strip().splitlines()
    try:
        return dict(json.loads(lines[-1]))
    except (IndexError, ValueError, TypeError) as error:
        raise EdgekitError(
            f"{what} gave no figure; the process printed {done.stdout[-200:]!r}.",
            remedy="Run it again; if it happens every time, report it with this message.",
        ) from error


def representative_rows(rows: Sequence[Batch], limit: int = _ROWS) -> list[Batch]:
    """The longest rows, which make the peak, and others spread evenly over the lengths.

    Returns:
        At most `limit` rows, longest first.
    """
    ordered = sorted(rows, key=_elements, reverse=True)
    if len(ordered) <= limit:
        return ordered
    longest = min(_LONGEST, limit)
    spread = np.linspace(longest, len(ordered) - 1, limit - longest).round().astype(int)
    return ordered[:longest] + [ordered[index] for index in spread]


def _elements(batch: Batch) -> int:
    return sum(int(np.size(array)) for array in batch.values())


def _reason(code: int, stderr: str) -> str:
    tail = "\n".join(stderr.strip().splitlines()[-_TAIL_LINES:])
    if code < 0:
        return f"the process was ended by signal {-code}. {tail}".strip()
    return tail or f"the process ended with code {code} and said nothing"
