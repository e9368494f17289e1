"""What a search tries first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgekit.fit.proposals import proposals
from edgekit.recipe.schema import Range

SPACE = {
    "student.layers": Range(low=1, high=6),
    "student.intermediate_size": Range(low=100, high=800, step=100),
    "student.vocabulary.size": Range(low=2000, high=7500, step=500),
}
OWN = {"student.layers": 3, "student.intermediate_size": 800, "student.vocabulary.size": 7500}


class Budget:
    """A bound on layers times units, plus tokens; counts how often it is asked."""

    def __init__(self, most: float) -> None:
        self.most, self.asked = most, 0

    def __call__(self, choice: Mapping[str, Any]) -> bool:
        self.asked += 1
        layers, units, tokens = (choice[key] for key in OWN)
        return bool(layers * units + tokens <= self.most)


def shapes(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(choice[key] for key in OWN) for choice in found]


def test_without_a_tight_bound_the_recipes_own_comes_first() -> None:
    found = shapes(proposals(OWN, SPACE, Budget(1e9)))
    assert found == [(3, 800, 7500), (3, 800, 4500), (2, 800, 7500), (1, 800, 7500)]


def test_each_has_the_most_units_that_fit() -> None:
    for most in range(7600, 10_000, 50):
        budget = Budget(most)
        found = shapes(proposals(OWN, SPACE, budget))
        best = [
            (layers, max((u for u in range(100, 801, 100) if layers * u + tokens <= most), default=0), tokens)
            for layers, tokens in ((3, 7500), (3, 4500), (2, 7500), (1, 7500))
        ]
        assert found == [shape for shape in best if shape[1]]
        assert budget.asked <= 4 * 4, "four sizes, by bisection"


def test_hard_samples_are_generated_where_the_space_has_them() -> None:
    space = {**SPACE, "distill.hard_samples": (None, {})}
    own = {**OWN, "distill.hard_samples": None}
    assert all(choice["distill.hard_samples"] == {} for choice in proposals(own, space, Budget(1e9)))
    assert "distill.hard_samples" not in proposals(OWN, SPACE, Budget(1e9))[0]


def test_layers_that_the_space_does_not_have_are_not_proposed() -> None:
    listed = {**SPACE, "student.layers": (1, 3)}
    assert [s[0] for s in shapes(proposals(OWN, listed, Budget(1e9)))] == [3, 3, 1]
    alone = proposals({"student.layers": 2}, {"student.layers": (2,)}, lambda choice: False)
    assert alone == [], "nothing else to make smaller"
