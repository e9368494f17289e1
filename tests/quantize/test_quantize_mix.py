"""The choice under a budget: held, and the best that there is."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ExportError
from edgekit.quantize.mix import Option, choose, hull

PLAIN = 160


def weight(losses: list[float]) -> list[Option]:
    """Plain, 8, 6 and 4 bits of ten weights, with these losses below plain."""
    stored = (80, 60, 40)
    return [Option("fp16", PLAIN, 0.0), *(Option(str(b), b, x) for b, x in zip(stored, losses, strict=True))]


weights = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.floats(0, 1, width=16), min_size=3, max_size=3).map(weight),
    min_size=1,
    max_size=4,
)


def cost(chosen: dict[str, Option]) -> tuple[int, float]:
    return sum(o.stored_bytes for o in chosen.values()), sum(o.loss for o in chosen.values())


@given(weights, st.floats(0, 1))
def test_the_budget_is_held_and_nothing_that_fits_would_be_better(
    options: dict[str, list[Option]], share: float
) -> None:
    smallest, largest = 40 * len(options), PLAIN * len(options)
    budget = int(smallest + share * (largest - smallest))
    chosen = choose(options, budget)
    stored, loss = cost(chosen)
    assert stored <= budget and chosen.keys() == options.keys()
    for name, each in options.items():
        for option in each:
            fits = stored - chosen[name].stored_bytes + option.stored_bytes <= budget
            assert not (fits and option.loss < chosen[name].loss), (name, option)
    assert loss <= sum(each[-1].loss for each in options.values()) + 1e-9


@given(weights)
def test_at_the_sizes_that_the_steps_reach_no_other_choice_loses_less(
    options: dict[str, list[Option]],
) -> None:
    hulls = {name: hull(each) for name, each in options.items()}
    steps = sorted(
        ((b.loss - a.loss) / (a.stored_bytes - b.stored_bytes), name, b)
        for name, found in hulls.items()
        for a, b in itertools.pairwise(found)
    )
    chosen = {name: found[0] for name, found in hulls.items()}
    for _, name, option in steps:
        chosen[name] = option
        stored, loss = cost(chosen)
        every = itertools.product(*options.values())
        costs = [cost(dict(zip(options, picked, strict=True))) for picked in every]
        best = min(other for size, other in costs if size <= stored)
        assert loss == pytest.approx(best, abs=1e-9)
        assert cost(choose(options, stored))[1] == pytest.approx(best, abs=1e-9)


def test_a_budget_that_nothing_meets_is_refused_with_both_sizes() -> None:
    with pytest.raises(
        ExportError, match="take 80 bytes at the least, and the budget leaves 79 for"
    ) as caught:
        choose({"a": weight([0, 0, 0]), "b": weight([0, 0, 0])}, 79)
    assert "max_bytes" in caught.value.remedy


def test_a_form_that_is_larger_and_no_better_is_never_taken() -> None:
    grouped = Option("palette4-grouped", 41, 0.2)
    table = Option("palette4", 40, 0.2)
    assert choose({"a": [Option("fp16", PLAIN, 0.0), grouped, table]}, 50) == {"a": table}
