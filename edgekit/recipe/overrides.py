"""`key=value` overrides, laid over the values of a file before anything is checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.recipe.places import Location, Place, Places, Problem, dotted, printable
from edgekit.recipe.reading import NotYaml, read_yaml

_ORDER = 1 << 30  # after every line of any file


def override_place(text: str, number: int) -> Place:
    """The place of the override number `number`; its relative paths start at the current folder."""
    return Place(f"override {printable(text)!r}", _ORDER + number, Path.cwd(), override=True)


def apply_overrides(value: Any, places: Places, overrides: Sequence[str]) -> tuple[Any, list[Problem]]:
    """Lays `distill.epochs=5` and the like over `value`, in order, and records where each was written.

    An override replaces what stands at its key; sections on the way are made when they're missing.

    Args:
        value: a tree of dict and list, changed in place.
        overrides: `KEY=VALUE` each; VALUE is YAML, so `[a, b]`, `{k: v}` and `null` mean what they do there.

    Returns:
        The tree, and what was wrong with the overrides themselves.
    """
    problems: list[Problem] = []
    for number, text in enumerate(overrides):
        place = override_place(text, number)
        key, equals, written = text.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            problems.append(Problem(place, (), "write KEY=VALUE, as in distill.epochs=5"))
            continue
        try:
            document = read_yaml(written.encode("utf-8", "surrogateescape"))
        except NotYaml as error:
            problems.append(Problem(place, tuple(parts), error.message))
            continue
        location, message = _set(value, parts, document.value)
        if message:
            problems.append(Problem(place, location, message))
            continue
        places.replace(location, place)
        for depth in range(1, len(location)):
            if not places.knows(location[:depth]):  # a section that this override made
                places.put(location[:depth], place)
        problems += [Problem(place, location + inner, said) for _, inner, said in document.problems]
    return value, problems


def _set(tree: Any, parts: list[str], new: Any) -> tuple[Location, str]:
    """Puts `new` at the key; the location it was put at, and why it could not be."""
    location: Location = ()
    here = tree
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        index: Any = part
        if isinstance(here, list):
            if not (part.isascii() and part.isdigit() and len(part) < 6 and int(part) < len(here)):
                return (*location, part), _no_entry(location, part, len(here))
            index = int(part)
        elif not isinstance(here, dict):
            return location, f"has no keys below it: it is {printable(repr(here))}"
        location = (*location, index)
        if last:
            here[index] = new
        else:
            below = here[index] if isinstance(here, list) else here.get(index)
            if below is None:  # absent, or `finetune: null`: an override below it asks for the section
                below = here[index] = {}
            here = below
    return location, ""


def _no_entry(location: Location, part: str, count: int) -> str:
    known = (
        f"it has entries 0 to {count - 1}" if count > 1 else f"it has {'entry 0' if count else 'no entries'}"
    )
    return f"{dotted(location)} is a list and {printable(part)!r} is not one of its entries; {known}"
