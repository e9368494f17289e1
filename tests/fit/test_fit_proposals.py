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


def test_the_first_is_tried_once_more_with_hard_samples() -> None:
    space = {**SPACE, "distill.hard_samples": (None, {})}
    found = proposals({**OWN, "distill.hard_samples": None}, space, Budget(1e9))
    assert [choice["distill.hard_samples"] for choice in found] == [None, None, None, None, {}]
    assert {**found[-1], "distill.hard_samples": None} == found[0]
    assert "distill.hard_samples" not in proposals(OWN, SPACE, Budget(1e9))[-1]


def test_a_student_that_lost_units_learns_at_twice_the_rate() -> None:
    space = {**SPACE, "distill.learning_rate": Range(low=5e-5, high=5e-4, log=True)}
    own = {**OWN, "distill.learning_rate": 1e-4}
    rates = [choice["distill.learning_rate"] for choice in proposals(own, space, Budget(8500))]
    assert rates == [2e-4, 1e-4, 2e-4, 1e-4], "with half of the tokens, and as one layer, it keeps all units"
    high = proposals({**own, "distill.learning_rate": 4e-4}, space, Budget(8500))
    assert high[0]["distill.learning_rate"] == 5e-4


def test_layers_that_the_space_does_not_have_are_not_proposed() -> None:
    listed = {**SPACE, "student.layers": (1, 3)}
    assert [s[0] for s in shapes(proposals(OWN, listed, Budget(1e9)))] == [3, 3, 1]
    alone = proposals({"student.layers": 2}, {"student.layers": (2,)}, lambda choice: False)
    assert alone == [], "nothing else to make smaller"
