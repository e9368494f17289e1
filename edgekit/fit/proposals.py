"""What a search tries first: students near the recipe's own, as large as the bounds allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgekit.fit.space import Space
from edgekit.recipe.schema import Range, Recipe

LAYERS, UNITS, TOKENS = "student.layers", "student.intermediate_size", "student.vocabulary.size"
RATE, GENERATED = "distill.learning_rate", "distill.hard_samples"

Inside = Callable[[Mapping[str, Any]], bool]


def own_choice(recipe: Recipe, space: Space) -> dict[str, Any]:
    """What the recipe itself has at the keys of a space; ranges that stand for "all" at their upper end."""
    tree = recipe.model_dump(mode="json")
    found = {}
    for key, choice in space.items():
        here: Any = tree
        for part in key.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        found[key] = choice.high if here is None and isinstance(choice, Range) else here
    return found


def proposals(own: Mapping[str, Any], space: Space, inside: Inside) -> list[dict[str, Any]]:
    """The recipe's own student with all its tokens and with half of them, then with ever fewer layers.

    Cut whole, layers keep most of what the teacher knows, so these are hard to beat with little training.
    Each has as many feed-forward units as fit; one that lost units has more to learn, and does so at twice
    the recipe's rate. Last comes the first once more, with hard samples generated for it: no other way to
    distil taught more, nor took as long. A student that fits at no number of units is left out.

    Args:
        inside: whether the files of a choice are inside the bounds, before training.
    """
    wanted = [dict(own)]
    tokens, layers = space.get(TOKENS), space.get(LAYERS)
    if isinstance(tokens, Range):
        step = tokens.step or 1
        wanted.append({**own, TOKENS: int(tokens.low + (tokens.high - tokens.low) / 2 // step * step)})
    for fewer in range((own.get(LAYERS) or 1) - 1, 0, -1):
        if (isinstance(layers, Range) and layers.low <= fewer) or fewer in _listed(layers):
            wanted.append({**own, LAYERS: fewer})
    cut = (_with_most_units(choice, space.get(UNITS), inside) for choice in wanted)
    found = [_taught_faster(choice, own, space.get(RATE)) for choice in cut if choice is not None]
    if found and {} in _listed(space.get(GENERATED)):
        found.append({**found[0], GENERATED: {}})
    return found


def _taught_faster(
    choice: dict[str, Any], own: Mapping[str, Any], rate: Range | tuple[Any, ...] | None
) -> dict[str, Any]:
    if not isinstance(rate, Range) or choice.get(UNITS) == own.get(UNITS):
        return choice
    return {**choice, RATE: min(2 * choice[RATE], float(rate.high))}


def _listed(choice: Range | tuple[Any, ...] | None) -> tuple[Any, ...]:
    return choice if isinstance(choice, tuple) else ()


def _with_most_units(
    choice: Mapping[str, Any], units: Range | tuple[Any, ...] | None, inside: Inside
) -> dict[str, Any] | None:
    """The choice with the most feed-forward units that are inside; None if there is none."""
    if inside(choice):
        return dict(choice)
    if not isinstance(units, Range):
        return None
    step = int(units.step or 1)
    fewer = range(int(units.low), int(min(choice[UNITS], units.high + 1)), step)
    low, high = 0, len(fewer)  # by bisection: all below `low` are inside, none from `high` on
    while low < high:
        middle = (low + high) // 2
        if inside({**choice, UNITS: fewer[middle]}):
            low = middle + 1
        else:
            high = middle
    return {**choice, UNITS: fewer[low - 1]} if low else None
