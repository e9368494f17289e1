"""Did-you-mean: the known word closest to a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 64  # a typo of a key is short; comparing long texts takes quadratic time


def closest(word: str, choices: Iterable[str], *, likeness: float = 0.7) -> str | None:
    """The choice most like `word`, whatever its case; None when none has that likeness (0–1)."""
    if len(word) > _LONGEST:
        return None
    by_lower: dict[str, str] = {}
    for choice in choices:
        by_lower.setdefault(choice.lower(), choice)
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'epochs'?`, to append to a fact; empty when nothing is close."""
    found = closest(word, choices)
    return f"; did you mean {found!r}?" if found else ""
