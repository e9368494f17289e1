"""Where every value of a recipe came from, so that a problem can name its line or its override."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.errors import RecipeError

Location = tuple[str | int, ...]  # ("exports", 0, "target")

_SHOWN = 40  # problems spelled out in an error's text; `RecipeError.problems` holds all of them


def dotted(location: Sequence[str | int]) -> str:
    """`exports.0.target`."""
    return printable(".".join(str(part) for part in location))


def printable(text: str, longest: int = 80) -> str:
    """One line, no control characters, no lone surrogates, at most `longest` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class Place:
    """One spot that a user can edit."""

    label: str  # "recipes/x.yaml:12" or "override 'distill.epochs=abc'"
    order: int  # problems are listed by it: lines of the file first, then overrides
    base: Path  # relative paths written here start at this folder
    override: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at one place."""

    place: Place
    location: Location
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place.label, dotted(self.location), self.message) if part)


@dataclass(slots=True)
class Places:
    """Location → place. A value without a place of its own has that of the section around it."""

    root: Place
    _known: dict[Location, Place] = field(default_factory=dict)

    def put(self, location: Location, place: Place) -> None:
        """Says where the value at `location` was written."""
        self._known[location] = place

    def knows(self, location: Location) -> bool:
        """Whether a value at `location` has a place of its own."""
        return location in self._known

    def replace(self, location: Location, place: Place) -> None:
        """Like `put`, and forgets what is known of everything below, which is gone."""
        depth = len(location)
        self._known = {k: v for k, v in self._known.items() if k[:depth] != location}
        self._known[location] = place

    def rename(self, old: Location, new: Location) -> None:
        """Moves what is known of `old`, and of everything below, to `new`."""
        depth = len(old)
        self._known = {(new + k[depth:] if k[:depth] == old else k): v for k, v in self._known.items()}

    def of(self, location: Location) -> Place:
        """The place of a value, or of the nearest section around it that has one."""
        for depth in range(len(location), 0, -1):
            if place := self._known.get(location[:depth]):
                return place
        return self.root

    def of_section(self, location: Location) -> Place:
        """The place to name when a section's fields don't fit together: an override inside, if any."""
        depth = len(location)
        overrides = {p.label: p for k, p in self._known.items() if p.override and k[:depth] == location}
        if not overrides:
            return self.of(location)
        first = next(iter(overrides.values()))
        return Place(", ".join(overrides), first.order, first.base, override=True)


def refuse(origin: str, problems: Iterable[Problem], *, remedy: str) -> RecipeError:
    """The one error that carries every problem found, in the order of the file."""
    ordered = sorted(problems, key=lambda problem: problem.place.order)
    lines = tuple(dict.fromkeys(str(problem) for problem in ordered))
    if len(lines) == 1:
        return RecipeError(lines[0], remedy=remedy, problems=lines)
    shown = [f"  {line}" for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append(f"  … and {len(lines) - _SHOWN} more")
    return RecipeError(
        "\n".join([f"{origin} has {len(lines)} problems:", *shown]), remedy=remedy, problems=lines
    )
