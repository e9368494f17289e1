"""One call of one contestant: timed, and refused when what it returns is no answer."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgekit.benchmark.contestant import Contestant
from edgekit.errors import EdgekitError
from edgekit.tasks import get_task
from edgekit.types import Batch


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """Python's garbage collector stays off inside, so that no call pays for another's garbage."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def encode_rows(contestant: Contestant, inputs: Sequence[Any]) -> list[Batch]:
    """Every input as a batch of 1.

    Raises:
        EdgekitError: an input could not be encoded, or not as a batch of 1; names contestant and row.
    """
    return [_encode(contestant, value, row) for row, value in enumerate(inputs)]


def time_run(contestant: Contestant, batch: Batch, row: int) -> tuple[int, np.ndarray]:
    """Runs an encoded row.

    Returns:
        Nanoseconds of the run alone, and the answer, float `[C]`, or `[L, C]` per token.

    Raises:
        EdgekitError: the runner failed, or its answer is missing, not of a batch of 1, or not finite.
    """
    with _named(contestant, row, "could not run"):
        start = perf_counter_ns()
        outputs = contestant.runner.run(batch)
        elapsed = perf_counter_ns() - start
    return elapsed, _answer(contestant, outputs, row)


def time_end_to_end(contestant: Contestant, value: Any, row: int) -> int:
    """Nanoseconds from a raw input to its outputs: tokenization included.

    Raises:
        EdgekitError: as `time_run`.
    """
    with _named(contestant, row, "could not run"):
        start = perf_counter_ns()
        outputs = contestant.runner.run(contestant.encode(value))
        elapsed = perf_counter_ns() - start
    _answer(contestant, outputs, row)
    return elapsed


@contextlib.contextmanager
def _named(contestant: Contestant, row: int, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        fact = error.fact if isinstance(error, EdgekitError) else f"{type(error).__name__}: {error}"
        raise EdgekitError(
            f"{contestant.name} {what} row {row} (counted from 0): {fact}",
            remedy="Nothing was measured. Run `edgekit verify` on it first, or leave it out.",
        ) from error


def _encode(contestant: Contestant, value: Any, row: int) -> Batch:
    with _named(contestant, row, "could not encode"):
        batch = contestant.encode(value)
        for name, array in batch.items():
            if np.shape(array)[:1] != (1,):
                raise ValueError(f"{name!r} has shape {np.shape(array)}, and a batch of 1 is measured")
    return batch


def _answer(contestant: Contestant, outputs: dict[str, np.ndarray], row: int) -> np.ndarray:
    signature = contestant.runner.signature
    name = signature.outputs[0].name
    shape = "[1, L, C]" if get_task(signature.task).per_token else "[1, C]"
    with _named(contestant, row, "gave no usable answer for"):
        if name not in outputs:
            raise ValueError(f"its output {name!r} is missing; it returned {sorted(outputs)}")
        answer = np.asarray(outputs[name])
        if answer.ndim != shape.count(",") + 1 or answer.shape[0] != 1 or answer.shape[-1] < 1:
            raise ValueError(f"{name!r} has shape {answer.shape}, not {shape}")
        if not np.isfinite(answer).all():
            raise ValueError(f"{name!r} holds values that are not finite")
    return answer[0]
