"""A process that holds one language model and runs it when told; knows nothing of edgekit.

Its peak memory is its model's alone.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from remote import serve


class Opened(Protocol):
    """A model that is ready to read."""

    def begin(self, most: int) -> None:
        """Empties the caches for at most so many tokens; not timed."""

    def read(self, ids: Sequence[int]) -> None:
        """Reads tokens after those read before, until the logits of what follows are there; timed."""

    def likeliest(self) -> int:
        """The token with the highest of those logits; not timed."""


class Worker:
    """Answers commands."""

    def __init__(self, runtime: str, threads: int) -> None:
        self._module, self._threads = importlib.import_module(runtime), threads
        self._model: Any = None

    def open(self, path: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Opens the model; its libraries were imported before."""
        started = time.perf_counter()
        self._model = self._module.open_model(Path(path), settings, self._threads)
        return {"load_s": time.perf_counter() - started, "runtime": self._model.name}

    def prefill(self, ids: list[int]) -> dict[str, Any]:
        """Seconds of reading a prompt from empty caches."""
        self._model.begin(len(ids) + 1)
        wall, cpu = _clocks()
        self._model.read(ids)
        return _since(wall, cpu)

    def decode(self, depth: list[int], ids: list[int]) -> dict[str, Any]:
        """Seconds of reading one token after another, after `depth` others."""
        self._model.begin(len(depth) + len(ids) + 1)
        if depth:
            self._model.read(depth)
        wall, cpu = _clocks()
        for token in ids:
            self._model.read([token])
        return _since(wall, cpu)

    def write(self, ids: list[int], tokens: int) -> dict[str, Any]:
        """What it writes on, each time the likeliest token."""
        self._model.begin(len(ids) + tokens)
        self._model.read(ids)
        written = [self._model.likeliest()]
        while len(written) < tokens:
            self._model.read(written[-1:])
            written.append(self._model.likeliest())
        return {"ids": written}

    def peak(self) -> dict[str, Any]:
        """Highest resident memory of this process, Linux's `VmHWM`."""
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return {"bytes": int(line.split()[1]) * 1024}
        return {"bytes": None}


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(wall: float, cpu: float) -> dict[str, float]:
    """Wall clock, and CPU time of all threads."""
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


if __name__ == "__main__":
    serve(Worker)
