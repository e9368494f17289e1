"""Contestants that take turns: which process holds each, and what its calls took."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
IDLE_S = 0.01  # after a call on several threads: OpenMP's keep turning for a while after the work is done
BLOCK = 8  # test rows of one turn


def environment(threads: int) -> dict[str, str]:
    """This process's variables, with so many threads for libraries that read them, and no hub."""
    settings = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "HF_HUB_OFFLINE": 1}
    return {**os.environ, **{name: str(value) for name, value in settings.items()}}


class Remote:
    """A `worker.py` in the environment of its runtime."""

    def __init__(self, python: Path, runtime: str, *, threads: int, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.runtime, self._pause = runtime, IDLE_S if threads > 1 else 0.0
        self.log = scratch / f"{runtime}-{threads}.log"
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [python, HERE / "worker.py", runtime, "--threads", str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(threads) | {"TORCHINDUCTOR_CACHE_DIR": str(scratch / f"inductor-{threads}")},
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
        if do == "time" and self._pause:
            time.sleep(self._pause)
        return dict(answer)

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


@dataclass(frozen=True)
class Turn:
    """A contestant that is open in a worker."""

    name: str
    remote: Remote


Samples = dict[str, dict[str, np.ndarray]]  # contestant → "wall", "own", "others" → ms


def at_length(turns: Sequence[Turn], length: str, rows: int, *, rounds: int, warmup: int) -> Samples:
    """Call by call: each round every contestant runs the same row once, in a new order."""
    random = np.random.default_rng(0)
    samples: dict[str, dict[str, list[int]]] = {t.name: {"wall": [], "own": [], "others": []} for t in turns}
    for round_ in range(warmup + rounds):
        row = round_ % rows
        for index in random.permutation(len(turns)):
            turn = turns[index]
            told = turn.remote.ask("time", name=turn.name, set=length, rows=[row, row])
            if round_ >= warmup:
                for clock, values in told.items():
                    samples[turn.name][clock] += values
    return _milliseconds(samples)


def at_own_lengths(turns: Sequence[Turn], rows: int) -> Samples:
    """The test rows in their own order and lengths: blocks of some rows each, contestants in a new order.

    The untimed row before a block is its predecessor, so that a runtime that prepares for a shape pays.
    """
    random = np.random.default_rng(0)
    samples: dict[str, dict[str, list[int]]] = {t.name: {"wall": [], "own": [], "others": []} for t in turns}
    for start in range(0, rows, BLOCK):
        block = [max(start - 1, 0), *range(start, min(start + BLOCK, rows))]
        for index in random.permutation(len(turns)):
            turn = turns[index]
            told = turn.remote.ask("time", name=turn.name, set="test", rows=block)
            for clock, values in told.items():
                samples[turn.name][clock] += values
    return _milliseconds(samples)


def _milliseconds(samples: dict[str, dict[str, list[int]]]) -> Samples:
    return {
        name: {clock: np.array(values) / 1e6 for clock, values in clocks.items()}
        for name, clocks in samples.items()
    }


def ratio(slower: np.ndarray, faster: np.ndarray, resamples: int = 1000) -> tuple[float, float, float]:
    """Median of one over median of the other, with its 95 % interval over resampled rounds."""
    drawn = np.random.default_rng(0).integers(0, len(slower), (resamples, len(slower)))
    ratios = np.median(slower[drawn], axis=1) / np.median(faster[drawn], axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(np.median(slower) / np.median(faster)), float(low), float(high)


@contextlib.contextmanager
def closing(remotes: dict[str, Remote]) -> Iterator[dict[str, Remote]]:
    """Ends every worker, whatever happens."""
    try:
        yield remotes
    finally:
        for remote in remotes.values():
            remote.close()
