"""Times beside the base model's file: what slows both is taken out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from edgekit.fit import times
from edgekit.fit.bounds import Cost
from edgekit.fit.times import Yardstick, row_times


class Spinner:
    """Runs for `ms` of processor time a batch, times how busy its machine is."""

    busy = 1.0
    signature: Any = None

    def __init__(self, ms: float) -> None:
        self.ms = ms

    def run(self, batch: Any) -> None:
        until = time.thread_time_ns() + self.ms * Spinner.busy * 1e6
        while time.thread_time_ns() < until:
            pass


@pytest.fixture
def yardstick(monkeypatch: pytest.MonkeyPatch) -> Yardstick:
    monkeypatch.setattr("edgekit.runtimes.open_runner", lambda path, *, threads: Spinner(2.0))
    monkeypatch.setattr(times, "batches_of", lambda runner, rows, *, pad_id: list(rows))
    return Yardstick(Path("base.onnx"), Cost(10, 2.0))


def test_row_times_are_each_runners_own() -> None:
    batches = [None] * 4
    found = row_times(
        {"slow": Spinner(1.0), "fast": Spinner(0.25)}, {"slow": batches, "fast": batches}, cpu_time=True
    )
    assert found["slow"][0] == pytest.approx(1.0, rel=0.1)
    assert found["fast"][0] == pytest.approx(0.25, rel=0.2)


@pytest.mark.parametrize("busy", [1.0, 2.0])
def test_a_busy_machine_changes_nothing(
    yardstick: Yardstick, monkeypatch: pytest.MonkeyPatch, busy: float
) -> None:
    monkeypatch.setattr(Spinner, "busy", busy)
    rows = [{"input_ids": [1]}] * 4
    found = yardstick.times({"int8": Spinner(0.5)}, {"int8": rows}, rows * 2, pad_id=0, threads=1)
    assert set(found) == {"int8"}
    assert found["int8"][0] == pytest.approx(0.5, rel=0.15)
