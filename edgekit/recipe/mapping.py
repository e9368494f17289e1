"""`recipe_from_mapping`: a recipe put together in Python, or from a command's flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.recipe.checking import check
from edgekit.recipe.overrides import apply_overrides
from edgekit.recipe.places import Place, Places, printable

if TYPE_CHECKING:
    from edgekit.recipe.schema import Recipe


def recipe_from_mapping(
    mapping: Mapping[str, Any],
    *,
    origin: str,
    labels: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """Validates a mapping with the same plain errors as a file. Relative paths start at the current folder.

    Args:
        mapping: nested mappings, lists and scalars, keyed as in YAML; not changed.
        origin: what to call it in errors: "command line".
        labels: dotted key → what the user typed for it, named in place of `origin`:
            `{"distill.epochs": "--epochs 0"}`.
        overrides: `KEY=VALUE` each, laid over the mapping as over a file.

    Raises:
        RecipeError: `problems` holds every problem.
    """
    here = Path.cwd()
    places = Places(Place(origin, 0, here))
    for number, (key, label) in enumerate((labels or {}).items(), start=1):
        location = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
        places.put(location, Place(printable(label), number, here, override=True))
    remedy = "Correct the above and try again."
    tree, problems = apply_overrides(_plain(mapping), places, overrides)
    return check(tree, places, problems, origin=origin, remedy=remedy)


def _plain(value: Any) -> Any:
    """A copy made of dict and list."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
