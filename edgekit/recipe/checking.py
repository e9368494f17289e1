"""A tree of plain values → a frozen `Recipe`, or one error that names every problem in plain words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from edgekit.recipe.places import Location, Places, Problem, dotted, printable, refuse
from edgekit.recipe.shapes import (
    Shape,
    branches,
    child,
    describe,
    fits,
    keys_named,
    known_keys,
    nullable,
    recipe_shape,
    show,
)
from edgekit.recipe.suggest import closest, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from edgekit.recipe.schema import Recipe

_MISSING = object()
_SUGGESTED = 200  # unknown keys that get a suggestion; beyond that the file is no recipe


def check(tree: Any, places: Places, problems: list[Problem], *, origin: str, remedy: str) -> Recipe:
    """Validates a tree.

    Args:
        tree: dict, list and scalars; unknown keys are taken out of it, and paths are resolved.
        places: where each value was written.
        problems: found before; reported together with those found here.

    Raises:
        RecipeError: carries every problem. How the fields of one section fit together can only be
            judged once each of them is valid by itself.
    """
    from pydantic import ValidationError

    from edgekit.recipe.schema import Recipe

    tidy = _Tidy(places)
    tidy.visit(tree, recipe_shape(), ())
    found = problems + tidy.problems
    said = {problem.location for problem in found}
    recipe = None
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            problem = _problem(details, tree, places)
            if problem and problem.location not in said:
                found.append(problem)
        if not found:  # nothing but alternatives that all seemed beside the point: say it as pydantic does
            found = [Problem(places.root, (), printable(str(error), 500))]
    if found or recipe is None:
        raise refuse(origin, found, remedy=remedy)
    return recipe


class _Tidy:
    """What pydantic would not say well, or not at all: unknown keys, true for 1, relative paths."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.problems: list[Problem] = []

    def visit(self, value: Any, shape: Shape, location: Location) -> None:
        branch = next((b for b in branches(shape) if fits(b, value)), None)
        if branch is None:
            return
        if isinstance(value, dict):
            self._unknown(value, branch, location)
        entries = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, inner in list(entries):
            below = child(branch, key)
            if below is None:
                continue
            inside = (*location, key)
            kinds = [b.get("type") for b in branches(below)]
            if isinstance(inner, bool) and "boolean" not in kinds and {"integer", "number"} & set(kinds):
                self._say(inside, f"must be {describe(below)}, not {show(inner)}")
            elif isinstance(inner, (str, Path)) and any(b.get("format") == "path" for b in branches(below)):
                value[key] = self._resolved(str(inner), inside)
            else:
                self.visit(inner, below, inside)

    def _unknown(self, section: dict[str, Any], branch: Shape, location: Location) -> None:
        keys = known_keys(branch)
        if keys is None:
            return
        for key in [k for k in section if k not in keys]:
            value = section.pop(key)
            inside = (*location, key)
            meant, elsewhere = None, []
            if len(self.problems) < _SUGGESTED:
                # A near miss of a key of this section, else the right key in the wrong section.
                elsewhere = [dotted(found) for found in sorted(keys_named(key), key=len)]
                meant = closest(key, keys, likeness=0.8 if elsewhere else 0.7)
            self._say(inside, f"unknown key{_instead(meant, elsewhere, keys, location)}")
            if meant is not None and meant not in section:
                # Go on as if it had been spelled right, so that its value is judged too.
                section[meant] = value
                self.places.rename(inside, (*location, meant))

    def _resolved(self, written: str, location: Location) -> str:
        if not written or "\0" in written:
            self._say(location, f"must be the path of a file or folder, not {show(written)}")
            return written
        path = Path(written)
        if path.parts[0] == "~":
            try:
                path = path.expanduser()
            except RuntimeError:
                self._say(location, f"no home folder is known for {show(written)}; write the whole path")
        return str(self.places.of(location).base / path)

    def _say(self, location: Location, message: str) -> None:
        self.problems.append(Problem(self.places.of(location), location, message))


def _instead(meant: str | None, elsewhere: list[str], keys: list[str], location: Location) -> str:
    if meant is not None:
        return f"; did you mean {meant!r}?"
    if elsewhere:
        return f" here; did you mean {' or '.join(repr(e) for e in elsewhere[:3])}?"
    return f"; {dotted(location) or 'a recipe'} takes {', '.join(keys)}"


def _problem(details: ErrorDetails, tree: Any, places: Places) -> Problem | None:
    """One pydantic error in plain words; None when it's about an alternative that was not meant."""
    from pydantic_core.core_schema import ErrorType

    spot = _locate(details["loc"], tree)
    if spot is None:
        return None
    location, shape, value = spot
    kind = details["type"]
    if kind == "value_error":
        message = str(details.get("ctx", {}).get("error", details["msg"]))
        place = places.of_section(location) if isinstance(value, dict) else places.of(location)
        if not location and not place.override:
            place = places.of(_named(message))
        return Problem(place, location, message)
    if kind == "missing" and value is _MISSING:
        wanted = f"; it must be {describe(shape)}" if shape else ""
        return Problem(places.of_section(location[:-1]), location, f"missing{wanted}")
    if kind == "too_short" and len(value) > details["ctx"]["actual_length"]:
        return None  # its entries are wrong, and each is reported
    if not shape or kind == "assertion_error" or kind not in get_args(ErrorType):
        return Problem(places.of(location), location, details["msg"])
    if value is None and not nullable(shape) and all(b.get("type") == "object" for b in branches(shape)):
        return Problem(places.of(location), location, "is empty; give it keys, or leave the line out")
    return Problem(
        places.of(location), location, f"must be {describe(shape)}, not {show(value)}{_hint(shape, value)}"
    )


def _named(message: str) -> Location:
    """The key that a message about the whole recipe begins with: `distill.weights: …`."""
    return tuple(re.split(r"[:, ]", message, maxsplit=1)[0].split("."))


def _hint(shape: Shape, value: Any) -> str:
    if isinstance(value, str):
        choices = [c for b in branches(shape) for c in b.get("enum", ()) if isinstance(c, str)]
        return did_you_mean(value, choices)
    scalar = isinstance(value, (int, float)) and not isinstance(value, bool)
    if scalar and any(b.get("type") == "string" and "enum" not in b for b in branches(shape)):
        return f'; write it in quotes: "{value}"'
    return ""


def _locate(loc: tuple[int | str, ...], tree: Any) -> tuple[Location, Shape | None, Any] | None:
    """Follows pydantic's location through the schema and the tree.

    Pydantic adds the name of the alternative after each union: `data.label.LabelBins.column`. Those
    names are dropped, and so are errors of alternatives that a value of this kind can't have meant.

    Returns:
        The location as the user wrote it, the shape wanted there (None: not in the schema), the value.
    """
    location: Location = ()
    shape: Shape | None = recipe_shape()
    value = tree
    rest = list(loc)
    while rest:
        options = branches(shape) if shape else []
        if len(options) > 1:
            label = str(rest.pop(0))
            named = [b for b in options if _label_names(label, b)]
            if not any(fits(b, value) for b in options) or not isinstance(value, (dict, list, tuple)):
                return location, shape, value
            options = [b for b in named if fits(b, value)]
            if not options:
                return None
            if not rest:
                return location, options[0], value
        key = rest.pop(0)
        if key == "[key]":
            return location, {"type": "string"}, key
        below = child(options[0], key) if options else None
        if isinstance(value, (list, tuple)) and isinstance(key, int) and key >= len(value):
            # A tuple that is too short: the list is wrong, not the entry it lacks.
            return location, shape, value
        shape = below
        location = (*location, key)
        value = _get(value, key)
    return location, shape, value


def _label_names(label: str, branch: Shape) -> bool:
    kind = branch.get("type")
    if kind == "object":
        return branch.get("title", "dict") in label
    if kind == "array":
        return "tuple" in label or "list" in label
    return True


def _get(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key, _MISSING)
    if isinstance(value, (list, tuple)) and isinstance(key, int) and key < len(value):
        return value[key]
    return _MISSING
