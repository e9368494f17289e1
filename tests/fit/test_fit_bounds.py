"""What a bound refuses, and what a search is told to maximise."""

from __future__ import annotations

import pytest

from edgekit.errors import RecipeError
from edgekit.fit.bounds import Bounds, Cost
from edgekit.fit.run import Options, plan_fit
from edgekit.recipe.load import load_recipe

TEACHER = Cost(90_000_000, 5.0)


def test_no_bound_is_refused_with_the_three_options() -> None:
    with pytest.raises(RecipeError, match="No bound") as caught:
        Bounds()
    assert "--max-bytes" in caught.value.remedy and "--min-retention" in caught.value.remedy


@pytest.mark.parametrize(
    "wrong", [{"max_bytes": 0}, {"max_latency_ms": -1.0}, {"min_retention": float("nan")}]
)
def test_a_bound_is_above_0(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="above 0"):
        Bounds(**wrong)  # type: ignore[arg-type]


def test_a_broken_bound_is_named_with_both_figures() -> None:
    bounds = Bounds(max_bytes=5_000_000, max_latency_ms=0.5)
    assert bounds.broken_by(Cost(4_000_000, 0.5)) == ""
    assert bounds.broken_by(Cost(6_000_000, 0.4)) == "6.0 MB is above 5.0 MB"
    assert bounds.broken_by(Cost(6_000_000, 0.6)) == "6.0 MB is above 5.0 MB and 0.6 ms is above 0.5 ms"
    assert bounds.broken_by(Cost(1, None)) == "", "a time that can't be measured here breaks nothing"
    assert bounds.excess(Cost(10_000_000, 0.25)) == {"bytes": 1.0, "ms": -0.5}


def test_retention_comes_before_size_and_size_counts_once_it_is_reached() -> None:
    bounds = Bounds(min_retention=0.97)
    large, small = Cost(20_000_000, 2.0), Cost(4_000_000, 0.5)
    assert bounds.merit(0.96, small, TEACHER) < bounds.merit(0.965, large, TEACHER) < 1
    assert 1 < bounds.merit(0.99, large, TEACHER) < bounds.merit(0.97, small, TEACHER)
    # 22.5 times smaller and 10 times faster: 1 + (log10 22.5 + log10 10) / 2.
    assert bounds.merit(0.98, small, TEACHER) == pytest.approx(2.176, abs=1e-3)


def test_without_a_retention_bound_the_most_accurate_student_wins() -> None:
    bounds = Bounds(max_bytes=8_000_000)
    assert bounds.merit(0.98, Cost(7_000_000, 2.0), TEACHER) == 0.98


def test_a_decoder_has_no_search() -> None:
    with pytest.raises(RecipeError, match="no search for text-generation"):
        plan_fit(load_recipe("smollm2-edge"), Bounds(max_bytes=30_000_000), Options())
