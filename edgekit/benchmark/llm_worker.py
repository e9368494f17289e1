"""Load time and peak memory of one decoder, in a process that does nothing else.

    python -m edgekit.benchmark.llm_worker MODEL --threads N --prompt N --tokens N --loads N

Prints one line of JSON, `{"peak_bytes": …, "load_seconds": […]}`. The peak is of opening it once, reading a
prompt and decoding; loads after the first find the file in the page cache, as the first mostly does.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edgekit.benchmark.llm_contestant import open_timed
from edgekit.benchmark.peak import run_worker
from edgekit.benchmark.peak_worker import peak_resident_bytes
from edgekit.quiet import hush


@dataclass(frozen=True, slots=True)
class Opening:
    """What it costs to open a decoder and to have it in memory."""

    load_seconds: tuple[float, ...]  # the runtime's own import left out
    peak_bytes: int  # resident, the Python interpreter and the runtime included


def measure_opening(
    path: Path, *, threads: int, prompt: int, tokens: int, loads: int, compute_units: str | None = None
) -> Opening:
    """Loads a decoder some times, and runs it once, in a process of its own.

    Args:
        prompt, tokens: what is read and decoded before the peak is taken.

    Raises:
        EdgekitError: the process failed; carries the end of what it wrote to stderr.
    """
    command = [sys.executable, "-m", "edgekit.benchmark.llm_worker", str(path.absolute())]
    for option, value in (("threads", threads), ("prompt", prompt), ("tokens", tokens), ("loads", loads)):
        command += [f"--{option}", str(value)]
    if compute_units:
        command += ["--compute-units", compute_units]
    told = run_worker(command, f"Measuring the memory of {path.name}", timeout_s=1800)
    return Opening(tuple(told["load_seconds"]), int(told["peak_bytes"]))


def main(arguments: list[str] | None = None) -> int:
    """Runs the worker; a failure is a traceback on stderr, whose end `run_worker` reports."""
    parser = argparse.ArgumentParser(prog="python -m edgekit.benchmark.llm_worker")
    parser.add_argument("model", type=Path)
    for option in ("threads", "prompt", "tokens", "loads"):
        parser.add_argument(f"--{option}", type=int, required=True)
    parser.add_argument("--compute-units")
    options = parser.parse_args(arguments)
    hush()
    for library in _libraries(options.model):
        importlib.import_module(library)
    seconds, peak = [], 0
    for count in range(options.loads):
        started = time.perf_counter()
        runner = open_timed(options.model, threads=options.threads, compute_units=options.compute_units)
        seconds.append(time.perf_counter() - started)
        if count == 0:
            runner.begin(options.prompt + options.tokens)
            runner.extend([0] * options.prompt)
            for _ in range(options.tokens):
                runner.extend([0])
            peak = peak_resident_bytes()
        del runner
        gc.collect()
    print(json.dumps({"peak_bytes": peak, "load_seconds": seconds}))
    return 0


def _libraries(path: Path) -> tuple[str, ...]:
    """What running it imports."""
    if path.suffix == ".mlpackage":
        return ("coremltools",)
    if (path / "genai_config.json").is_file():
        return ("onnxruntime",)
    return ("torch", "transformers")


if __name__ == "__main__":
    sys.exit(main())
