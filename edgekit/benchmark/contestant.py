"""What takes part in a benchmark: a runner, its front end and its identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import DataError
from edgekit.runtimes.runner import Runner
from edgekit.types import Batch


@dataclass(frozen=True, slots=True)
class Contestant:
    """One row of a benchmark table. Its answer is the runner's first output, `[1, C]` or `[1, L, C]`."""

    name: str  # unique among the contestants of one benchmark: "student-onnx-int8"
    runner: Runner
    encode: Callable[[Any], Batch]  # one raw input → a batch of 1
    path: Path | None  # None: never left this process
    parameters: int | None
    size_bytes: int | None
    sha256: str | None
    compute_units: str | None = None  # Core ML only
    truth: Sequence[Any] | None = None  # one per row, where it depends on the tokens; None: the labels


def require_unique(contestants: Sequence[Contestant]) -> None:
    """Refuses two contestants under one name: their rows could not be told apart.

    Raises:
        DataError: names the first one that occurs twice.
    """
    seen: set[str] = set()
    for contestant in contestants:
        if contestant.name in seen:
            raise DataError(
                f"Two contestants of the benchmark are called {contestant.name!r}.",
                remedy="Give each one its own name, for example with its precision or compute unit.",
            )
        seen.add(contestant.name)
