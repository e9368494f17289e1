"""Contestants that take turns: which process holds each, and what its calls took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from remote import Remote

HERE = Path(__file__).resolve().parent
IDLE_S = 0.01  # after a call on several threads: OpenMP's keep turning for a while after the work is done
BLOCK = 8  # test rows of one turn


class Contender(Remote):
    """A `worker.py` in the environment of its runtime."""

    def __init__(self, python: Path, runtime: str, *, threads: int, scratch: Path) -> None:
        super().__init__(
            python,
            HERE / "worker.py",
            runtime,
            threads=threads,
            log=scratch / f"{runtime}-{threads}.log",
            variables={"TORCHINDUCTOR_CACHE_DIR": str(scratch / f"inductor-{threads}")},
        )
        self._pause = IDLE_S if threads > 1 else 0.0

    def ask(self, do: str, **told: Any) -> dict[str, Any]:
        """As `Remote.ask`; after a timed call the cores fall silent first."""
        answer = super().ask(do, **told)
        if do == "time" and self._pause:
            time.sleep(self._pause)
        return answer


@dataclass(frozen=True)
class Turn:
    """A contestant that is open in a worker."""

    name: str
    remote: Contender


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
def closing(remotes: dict[str, Contender]) -> Iterator[dict[str, Contender]]:
    """Ends every worker, whatever happens."""
    try:
        yield remotes
    finally:
        for remote in remotes.values():
            remote.close()
