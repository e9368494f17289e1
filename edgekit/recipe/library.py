"""The recipes that edgekit ships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import edgekit
from edgekit.errors import RecipeError
from edgekit.recipe.places import printable
from edgekit.recipe.suggest import did_you_mean

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """One file of the library."""

    name: str  # "movie-reviews"; "speech/keywords" for one in a folder
    path: Path


def library_folder() -> Path:
    """`edgekit/recipes` of an installed wheel, else `recipes` at the top of the checkout."""
    package = Path(edgekit.__file__).resolve().parent
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def list_recipes(folder: Path | None = None) -> tuple[ShippedRecipe, ...]:
    """Every recipe of the library, by name. Nothing is opened."""
    folder = folder or library_folder()
    found = [path for suffix in _SUFFIXES for path in folder.rglob(f"*{suffix}") if path.is_file()]
    return tuple(
        ShippedRecipe(path.relative_to(folder).with_suffix("").as_posix(), path) for path in sorted(found)
    )


def find_recipe(name: str | Path, folder: Path | None = None) -> Path:
    """The file that a user means: a file of that path, or the shipped recipe of that name.

    Raises:
        RecipeError: neither exists; names the closest shipped recipe.
    """
    text = str(name)
    try:
        path = Path(text)
        if path.is_file():
            return path
        is_folder = path.is_dir()
    except (OSError, ValueError):  # a name too long, or with a NUL in it, is no file's
        is_folder = False
    shipped = {recipe.name: recipe.path for recipe in list_recipes(folder)}
    for suffix in ("", *_SUFFIXES):
        if text.endswith(suffix) and text.removesuffix(suffix) in shipped:
            return shipped[text.removesuffix(suffix)]
    said = printable(text, 200)
    if is_folder:
        fact = f"{said} is a folder; a recipe is a YAML file"
    else:
        fact = f"There is no recipe file {said!r}, and none of that name is shipped"
    suggestion = did_you_mean(text.rsplit("/", 1)[-1], shipped)
    raise RecipeError(fact + (suggestion or "."), remedy="List the shipped recipes with: edgekit recipes ls")
