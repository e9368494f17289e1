"""Milliseconds a row of several files in turns, and what takes a busy machine's part out of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.fit.bounds import Cost

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner
    from edgekit.types import Rows

TIMED_ROWS, ROUNDS, WARM_UP = 48, 7, 3
_SELF = "base"  # no precision


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The uncut base model's plain file, timed beside every student: a busy machine slows both alike.

    Two threads of one core slow each other by up to half, which a thread's own processor time does not tell;
    a student that is weighed beside other work would look slower than one that was weighed in peace.
    """

    path: Path
    cost: Cost  # when it was first measured: the conditions that all times are brought back to

    def times(
        self,
        runners: Mapping[str, Runner],
        batches: Mapping[str, Sequence[Any]],
        rows: Rows,
        *,
        pad_id: int,
        threads: int,
    ) -> dict[str, tuple[float, float]]:
        """`row_times` of the others, as they would be when the yardstick was measured.

        Args:
            rows: in the base model's tokens, as many as there are batches, or more.
        """
        from edgekit.runtimes import open_runner

        if not runners or self.cost.ms is None:
            return row_times(runners, batches, cpu_time=threads == 1)
        count = len(next(iter(batches.values())))
        runner = open_runner(self.path, threads=threads)
        together = row_times(
            {**runners, _SELF: runner},
            {**batches, _SELF: batches_of(runner, rows[:count], pad_id=pad_id)},
            cpu_time=threads == 1,
        )
        back = self.cost.ms / together.pop(_SELF)[0]
        return {name: (ms * back, high * back) for name, (ms, high) in together.items()}


def batches_of(runner: Runner, rows: Rows, *, pad_id: int) -> list[Any]:
    """Each row as a batch of its own."""
    from edgekit.batches import pad_rows

    return [pad_rows([row], runner.signature, pad_id=pad_id) for row in rows]


def row_times(
    runners: Mapping[str, Runner], batches: Mapping[str, Sequence[Any]], *, cpu_time: bool
) -> dict[str, tuple[float, float]]:
    """Milliseconds a row at batch 1, turn about, by runner: undisturbed, and in the slowest round.

    Args:
        batches: by runner, as many for each.
        cpu_time: of the calling thread, which is what a call takes on a core of its own however busy the
            machine is; only true where one thread does all. Otherwise the wall's.
    """
    import numpy as np

    from edgekit.benchmark.clock import collector_off

    if not runners:
        return {}
    clock: Callable[[], int] = time.thread_time_ns if cpu_time else time.perf_counter_ns
    names = list(runners)
    count = len(batches[names[0]])
    taken = np.empty((len(names), ROUNDS, count))
    order = np.random.default_rng(0)
    for name in names:
        for batch in batches[name][:WARM_UP]:
            runners[name].run(batch)
    with collector_off():
        for round_ in range(ROUNDS):
            for row in range(count):
                for index in order.permutation(len(names)):
                    runner, batch = runners[names[index]], batches[names[index]][row]
                    runner.run(batch)  # untimed: brings back the caches that the others' turns took
                    started = clock()
                    runner.run(batch)
                    taken[index, round_, row] = (clock() - started) / 1e6
    fastest = np.median(taken.min(axis=1), axis=1)
    slowest = np.median(taken, axis=2).max(axis=1)
    return {name: (float(fastest[i]), float(slowest[i])) for i, name in enumerate(names)}
