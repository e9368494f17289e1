from __future__ import annotations

from collections.abc import Callable

import pytest

from edgekit.benchmark.contestant import Contestant
from edgekit.benchmark.paired import faster
from edgekit.errors import DataError, EdgekitError

Make = Callable[..., Contestant]
INPUTS = [f"{token} 1 1" for token in range(12)]


def test_the_lighter_one_is_faster_either_way_round(make_contestant: Make) -> None:
    heavy, light = make_contestant("heavy", width=512, layers=16), make_contestant("light")
    gain = faster(light, heavy, INPUTS, rounds=5, seed=0)
    loss = faster(heavy, light, INPUTS, rounds=5, seed=0)
    assert 5 < gain.low <= gain.value <= gain.high
    assert loss.low <= loss.value <= loss.high < 0.2


def test_a_contestant_is_about_as_fast_as_itself(make_contestant: Make) -> None:
    same = make_contestant("same", width=256, layers=16)
    interval = faster(same, same, INPUTS, rounds=9, seed=0)
    assert 0.5 < interval.value < 2


def test_turns_alternate_in_both_orders(make_contestant: Make) -> None:
    log: list[str] = []
    a = make_contestant("a", on_call=lambda _: log.append("a"))
    b = make_contestant("b", on_call=lambda _: log.append("b"))
    faster(a, b, INPUTS, rounds=2, seed=0)
    groups = ["".join(log[start : start + 4]) for start in range(0, len(log), 4)]
    assert len(groups) == 2 * len(INPUTS)
    assert set(groups) == {"aabb", "bbaa"}


def test_failures_and_too_little_are_refused(make_contestant: Make) -> None:
    fine, bad = make_contestant("fine"), make_contestant("bad", broken={3})
    with pytest.raises(EdgekitError, match="bad gave no usable answer for row 3 "):
        faster(fine, bad, INPUTS, rounds=1, seed=0)
    with pytest.raises(DataError, match="1 inputs"):
        faster(fine, fine, INPUTS[:1], rounds=3, seed=0)
    with pytest.raises(DataError, match="0 rounds"):
        faster(fine, fine, INPUTS, rounds=0, seed=0)
