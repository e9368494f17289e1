"""`load_recipe`: a file or a shipped recipe's name, with overrides → a frozen `Recipe`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import RecipeError
from edgekit.recipe.checking import check
from edgekit.recipe.library import find_recipe
from edgekit.recipe.overrides import apply_overrides
from edgekit.recipe.places import Place, Places, Problem, printable
from edgekit.recipe.reading import MAX_BYTES, Document, NotYaml, read_yaml

if TYPE_CHECKING:
    from edgekit.recipe.schema import Recipe


def load_recipe(path_or_name: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and lays overrides over it.

    Relative asset paths start at the recipe file's folder; those in an override, at the current one.

    Args:
        path_or_name: a YAML file, or the name of a recipe that edgekit ships (`movie-reviews`).
        overrides: `distill.epochs=5`, `exports.0.precisions=[fp32]`, `teacher.finetune=null`.

    Raises:
        RecipeError: the file can't be read, or isn't a valid recipe; `problems` holds every problem,
            each with its line or its override.
    """
    path = find_recipe(path_or_name)
    shown = shown_path(path)
    document = _read(path, shown)
    base = path.absolute().parent
    places = Places(Place(shown, 0, base))
    for location, line in document.lines.items():
        places.put(location, Place(f"{shown}:{line}", line, base))
    problems = [
        Problem(Place(f"{shown}:{line}", line, base), location, message)
        for line, location, message in document.problems
    ]
    tree, wrong = apply_overrides(document.value, places, overrides)
    remedy = f"Correct the above, then check it with: edgekit recipes validate {shown}"
    return check(tree, places, problems + wrong, origin=shown, remedy=remedy)


def shown_path(path: Path) -> str:
    """The path as a user would write it: relative when it's inside the current folder."""
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return printable(str(path), 200)


def _read(path: Path, shown: str) -> Document:
    remedy = "Write a recipe as YAML; `edgekit recipes cp movie-reviews` makes one to start from."
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(
            f"{shown} can't be read: {error.strerror or error}.", remedy="Check the file and its permissions."
        ) from error
    try:
        document = read_yaml(data)
    except NotYaml as error:
        where = f"{shown}:{error.line}" if error.line else shown
        line = f"{where}: {error.message}"
        raise RecipeError(line, remedy=remedy, problems=(line,)) from error
    if document.empty or document.value is None:
        line = f"{shown}: the file is empty"
        raise RecipeError(line, remedy=remedy, problems=(line,))
    if not isinstance(document.value, dict):
        kind = (
            "a list"
            if isinstance(document.value, list)
            else f"the single value {printable(repr(document.value))}"
        )
        line = (
            f"{shown}:{document.lines[()]}: a recipe is made of keys and values, and this file holds {kind}"
        )
        raise RecipeError(line, remedy=remedy, problems=(line,))
    return document
