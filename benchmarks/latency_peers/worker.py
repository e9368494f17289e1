"""A process that holds models of one runtime and runs them when told; knows nothing of edgekit."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from remote import serve

Row = dict[str, np.ndarray]  # input name → int64 [1, L]


class Opened(Protocol):
    """A model that is ready to run."""

    size_bytes: int

    def prepare(self, row: Row) -> Any:
        """A row as the runtime wants it; not timed."""

    def call(self, prepared: Any) -> Any:
        """One run; timed."""

    def logits(self, answer: Any) -> np.ndarray:
        """The answer of `call` as float `[1, C]`; not timed."""


@dataclass
class Entry:
    """A model and the rows it is given, ready made."""

    model: Opened
    rows: dict[str, list[Any]]  # set → prepared rows


class Worker:
    """Answers commands.

    Args:
        open_model: `(path, settings, threads)` → `Opened`.
        threads: CPU threads of a call.
    """

    def __init__(self, open_model: Callable[[Path, dict[str, Any], int], Opened], threads: int) -> None:
        self._open, self._threads = open_model, threads
        self._entries: dict[str, Entry] = {}
        self._sets: dict[str, dict[str, list[Row]]] = {}  # by file

    def open(self, name: str, path: str, settings: dict[str, Any], rows: str) -> dict[str, Any]:
        """Opens a model and runs each set's first row, so that what compiles has compiled."""
        model = self._open(Path(path), settings, self._threads)
        entry = Entry(model, {k: [model.prepare(r) for r in v] for k, v in self._read(rows).items()})
        for prepared in entry.rows.values():
            for row in prepared[:2]:
                model.call(row)
        self._entries[name] = entry
        return {"size_bytes": model.size_bytes}

    def answer(self, name: str, set: str) -> dict[str, Any]:
        """The logits of every row of a set."""
        entry = self._entries[name]
        rows = entry.rows[set]
        return {"logits": [entry.model.logits(entry.model.call(row))[0].tolist() for row in rows]}

    def time(self, name: str, set: str, rows: list[int]) -> dict[str, Any]:
        """Nanoseconds of each row but the first, which only brings back the caches that others' turns took.

        `wall`, `own` (CPU of the calling thread) and `others` (CPU of all other threads of this process).
        """
        entry = self._entries[name]
        call, prepared = entry.model.call, entry.rows[set]
        told: dict[str, list[int]] = {"wall": [], "own": [], "others": []}
        call(prepared[rows[0]])
        for index in rows[1:]:
            row = prepared[index]
            process, own, started = time.process_time_ns(), time.thread_time_ns(), time.perf_counter_ns()
            call(row)
            wall = time.perf_counter_ns() - started
            own = time.thread_time_ns() - own
            process = time.process_time_ns() - process
            told["wall"].append(wall)
            told["own"].append(own)
            told["others"].append(max(0, process - own))
        return told

    def _read(self, path: str) -> dict[str, list[Row]]:
        if path not in self._sets:
            told = json.loads(Path(path).read_text(encoding="utf-8"))["sets"]
            self._sets[path] = {
                name: [{k: np.array([v], dtype=np.int64) for k, v in row.items()} for row in rows]
                for name, rows in told.items()
            }
        return self._sets[path]


if __name__ == "__main__":
    serve(lambda runtime, threads: Worker(importlib.import_module(runtime).open_model, threads))
