from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import time
from collections.abc import Callable, Iterator

import pytest

from edgekit import progress
from edgekit.benchmark.contestant import Contestant
from edgekit.benchmark.latency import run_protocol
from edgekit.codec import to_json
from edgekit.errors import DataError, EdgekitError
from edgekit.types import Batch, Interval

Make = Callable[..., Contestant]

INPUTS = [f"{token} {' 1' * (token % 7)}" for token in range(40)]
LABELS = [token % 2 for token in range(40)]


def protocol(contestants: list[Contestant], **changes: object) -> tuple:
    settings: dict = {"warmup": 3, "passes": 1, "bootstrap": 500, "seed": 0} | changes
    inputs, labels = settings.pop("inputs", INPUTS), settings.pop("labels", LABELS)
    return run_protocol(contestants, inputs, labels, **settings)


def test_a_row_of_the_table(make_contestant: Make) -> None:
    teacher = make_contestant("teacher", width=512, layers=16, wrong=range(4))
    student = make_contestant("student", wrong=range(10))
    first, second = protocol([teacher, student], peak={"student": 123})

    assert (first.artifact, second.artifact) == ("teacher", "student")
    assert (first.parameters, first.size_bytes) == (16 * 512 * 512, teacher.size_bytes)
    assert first.runtime == teacher.runner.name
    assert (first.peak_bytes, second.peak_bytes) == (None, 123)
    assert (second.warmup, second.runs) == (3, 40)
    assert second.not_measured == ""

    assert first.score.value == 36 / 40
    assert second.score.value == 30 / 40
    assert second.score.low < 0.75 < second.score.high
    assert first.retained == Interval(1.0, 1.0, 1.0)
    assert second.retained.value == pytest.approx(30 / 36)
    assert second.retained.high < 1  # wrong wherever the teacher is, and on six rows more

    # 16.8 MB of weights against 0.3 kB.
    assert first.speedup == Interval(1.0, 1.0, 1.0)
    assert second.speedup.low > 5
    assert second.speedup.value == pytest.approx(first.pass_seconds / second.pass_seconds)
    for row in (first, second):
        assert 0 < row.p50_ms <= row.p90_ms <= row.p99_ms
        assert 0 < row.end_to_end_p50_ms <= row.end_to_end_p90_ms <= row.end_to_end_p99_ms
        assert row.pass_seconds * 1e3 >= 20 * row.p50_ms  # half of the 40 rows took at least the median
    json.dumps(to_json((first, second)), allow_nan=False)


def test_only_end_to_end_includes_encoding(make_contestant: Make) -> None:
    plain = make_contestant("plain")

    def slow_encode(text: str) -> Batch:
        time.sleep(0.003)
        return plain.encode(text)

    slow = dataclasses.replace(plain, name="slow", encode=slow_encode)
    quick_row, slow_row = protocol([plain, slow], inputs=INPUTS[:12], labels=LABELS[:12])
    assert slow_row.end_to_end_p50_ms >= 3
    assert slow_row.p50_ms < slow_row.end_to_end_p50_ms / 2
    assert quick_row.end_to_end_p50_ms < slow_row.end_to_end_p50_ms


def turns(log: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    return [log[start : start + 3] for start in range(0, len(log), 3)]


def test_every_row_is_run_by_all_in_a_changing_order(make_contestant: Make) -> None:
    log: list[tuple[str, int]] = []

    def logged(name: str) -> Contestant:
        return make_contestant(name, on_call=lambda batch: log.append((name, int(batch["input_ids"][0, 0]))))

    contestants = [logged(name) for name in ("a", "b", "c")]
    rows = protocol(contestants, warmup=2, passes=2)

    warm, timed = log[: 2 * 3], log[2 * 3 :]
    assert sorted(warm) == sorted((name, row) for name in "abc" for row in (0, 1))
    assert len(timed) == 2 * 40 * 3 * 3
    assert all(turn == [turn[0]] * 3 for turn in turns(timed))  # settle, encoded, end to end
    visits = [turn[0] for turn in turns(timed)]
    orders = []
    for visit in range(0, len(visits), 3):
        group = visits[visit : visit + 3]
        assert {row for _, row in group} == {(visit // 3) % 40}
        assert {name for name, _ in group} == {"a", "b", "c"}
        orders.append("".join(name for name, _ in group))
    assert set(orders) == {"abc", "acb", "bac", "bca", "cab", "cba"}
    assert rows[0].runs == 80

    before = list(log)
    log.clear()
    protocol(contestants, warmup=2, passes=2)
    assert log == before  # the seed decides the order
    log.clear()
    protocol(contestants, warmup=2, passes=2, seed=1)
    assert log != before


def test_the_collector_is_off_while_timing_and_back_afterwards(make_contestant: Make) -> None:
    states: list[bool] = []
    contestant = make_contestant("a", broken={30}, on_call=lambda _: states.append(gc.isenabled()))
    protocol([contestant], warmup=0, inputs=INPUTS[:5], labels=LABELS[:5])
    assert len(states) == 15 and not any(states)
    assert gc.isenabled()
    with pytest.raises(EdgekitError):
        protocol([contestant])
    assert gc.isenabled()


def test_the_named_reference_counts(make_contestant: Make) -> None:
    heavy = make_contestant("heavy", width=512, layers=16)
    light = make_contestant("light", wrong={0, 1})
    first, second = protocol([light, heavy], reference="heavy")
    assert second.speedup == second.retained == Interval(1.0, 1.0, 1.0)
    assert first.speedup.low > 5
    assert first.retained.value == pytest.approx(38 / 40)


def test_a_reference_with_nothing_right_leaves_retained_empty(make_contestant: Make) -> None:
    hopeless = make_contestant("hopeless", wrong=range(64))
    fine = make_contestant("fine")
    first, second = protocol([hopeless, fine])
    assert first.score.value == 0
    assert second.score.value == 1
    assert first.retained is None and second.retained is None


def test_without_labels_there_is_no_score(make_contestant: Make) -> None:
    (row,) = protocol([make_contestant("a")], labels=[])
    assert row.score is None and row.retained is None
    assert row.p50_ms > 0


def test_progress_advances_row_by_row(make_contestant: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    class Recording:
        @contextlib.contextmanager
        def bar(self, title: str, total: float, unit: str) -> Iterator[Recording]:
            seen.append((title, total, unit))
            yield self

        def advance(self, amount: float = 1) -> None:
            seen.append(amount)

    monkeypatch.setattr(progress, "_listener", Recording())
    protocol([make_contestant("a")], passes=2, inputs=INPUTS[:4], labels=LABELS[:4])
    assert seen == [("Benchmark", 8, "rows")] + [1] * 8


def test_values_that_are_not_finite_name_contestant_and_row(make_contestant: Make) -> None:
    good, bad = make_contestant("good"), make_contestant("bad", broken={17})
    with pytest.raises(EdgekitError, match=r"bad gave no usable answer for row 17 .*not finite") as caught:
        protocol([good, bad])
    assert "edgekit verify" in caught.value.remedy


def test_a_runner_that_fails_names_contestant_and_row(make_contestant: Make) -> None:
    inputs = [*INPUTS[:5], "999"]  # a token beyond the embedding
    with pytest.raises(EdgekitError, match="small could not run row 5 ") as caught:
        protocol([make_contestant("small")], inputs=inputs, labels=LABELS[:6])
    assert caught.value.__cause__ is not None


def test_an_input_that_cannot_be_encoded_names_contestant_and_row(make_contestant: Make) -> None:
    with pytest.raises(EdgekitError, match=r"small could not encode row 1 .*'seven'"):
        protocol([make_contestant("small")], inputs=["7", "seven"], labels=[1, 1])


def test_more_than_one_row_in_a_batch_is_refused(make_contestant: Make) -> None:
    one = make_contestant("one")
    two = dataclasses.replace(
        one, encode=lambda text: {"input_ids": one.encode(text)["input_ids"].repeat(2, 0)}
    )
    with pytest.raises(EdgekitError, match=r"row 0 .*a batch of 1 is measured"):
        protocol([two])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": [0, 1]}, "40 rows and 2 labels"),
        ({"labels": [2] * 40}, "knows 2 classes, and the labels go up to class 2"),
        ({"labels": [-1] * 40}, "below 0"),
        ({"inputs": [], "labels": []}, "0 rows"),
        ({"passes": 0}, "0 passes"),
        ({"reference": "teacher"}, "'teacher' is not among the contestants: a"),
    ],
)
def test_what_cannot_be_measured_is_refused(make_contestant: Make, changes: dict, said: str) -> None:
    with pytest.raises(DataError) as caught:
        protocol([make_contestant("a")], **changes)
    assert said in caught.value.fact
    assert caught.value.remedy


def test_names_are_unique_and_somebody_takes_part(make_contestant: Make) -> None:
    with pytest.raises(DataError, match="'a'"):
        protocol([make_contestant("a"), make_contestant("a")])
    with pytest.raises(DataError, match="nothing to benchmark"):
        protocol([])
