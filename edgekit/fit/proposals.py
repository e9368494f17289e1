"""What a search tries first: students near the recipe's own, as large as the bounds allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgekit.fit.space import Space
from edgekit.recipe.schema import Range, Recipe

LAYERS, UNITS, TOKENS = "student.layers", "student.intermediate_size", "student.vocabulary.size"
GENERATED = "distill.hard_samples"

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

    Cut whole, layers keep most of what the teacher knows, so these are hard to beat with little training. The
    feed-forward units are as many as fit, and hard samples are generated where a student can read them: no
    other way to distil taught more. A student that fits at no number of units is left out.

    Args:
        inside: whether the files of a choice are inside the bounds, before training.
    """
    best = dict(own)
    if {} in _listed(space.get(GENERATED)):
        best[GENERATED] = {}
    wanted = [best]
    tokens, layers = space.get(TOKENS), space.get(LAYERS)
    if isinstance(tokens, Range):
        step = tokens.step or 1
        wanted.append({**best, TOKENS: int(tokens.low + (tokens.high - tokens.low) / 2 // step * step)})
    for fewer in range((own.get(LAYERS) or 1) - 1, 0, -1):
        if (isinstance(layers, Range) and layers.low <= fewer) or fewer in _listed(layers):
            wanted.append({**best, LAYERS: fewer})
    fitted = (_with_most_units(choice, space.get(UNITS), inside) for choice in wanted)
    return [choice for choice in fitted if choice is not None]


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
