"""Processes in other environments that hold a contestant and run it when told: both ends of the pipe.

A line of JSON goes in, a line of JSON comes out. In between a process waits and does nothing, so that several
can take turns on the same cores. The worker's end needs the standard library alone.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def environment(threads: int) -> dict[str, str]:
    """This process's variables, with so many threads for those that read them, no hub, and our modules."""
    settings = {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "HF_HUB_OFFLINE": 1,
        "PYTHONPATH": Path(__file__).parent,
    }
    return {**os.environ, **{name: str(value) for name, value in settings.items()}}


class Remote:
    """A worker script in the environment of its runtime.

    Args:
        python: of that environment.
        worker: a script that calls `serve`.
        runtime: the module beside the script that it imports.
        log: gets what the worker and its libraries print.
        variables: beside those of `environment`.
    """

    def __init__(
        self,
        python: Path,
        worker: Path,
        runtime: str,
        *,
        threads: int,
        log: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.runtime, self.log = runtime, log
        with log.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                [python, worker, runtime, "--threads", str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**environment(threads), **(variables or {})},
            )

    def ask(self, do: str, **told: Any) -> dict[str, Any]:
        """One command and its answer.

        Raises:
            RuntimeError: the worker could not do it, or is gone.
        """
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):  # then there is no answer, which is told below
            self._process.stdin.write(json.dumps({"do": do, **told}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"its process ended; see {self.log.name}"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return dict(answer)

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


def serve(make: Callable[[str, int], Any]) -> None:
    """The worker's end: the methods of what `make(runtime, threads)` gives answer, until no command comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runtime", help="a module beside the worker")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    # Answers go to the real stdout; whatever a library prints goes to stderr.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = make(options.runtime, options.threads)
    gc.disable()
    for line in sys.stdin:
        told = json.loads(line)
        try:
            answer = getattr(worker, told.pop("do"))(**told)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is told to whoever asked
            message = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {message[0][:300]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
