"""What a rule is, and what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgekit.advice.rules.sources import Source
from edgekit.advice.scene import Scene

Confidence = Literal["high", "medium", "low"]
Effect = Literal["placement", "memory", "speed"]
EXAMPLES = 3
THIRD_PARTY = "third-party observation"


@dataclass(frozen=True, slots=True)
class Found:
    """Where a rule applies."""

    operations: Mapping[str, int]  # operation type, or "input" or "state" → how many
    examples: tuple[str, ...]  # names in the program
    detail: str = ""  # what a number in the statement is here


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that is likely to keep operations off the Neural Engine, or to cost memory or speed."""

    id: str
    effect: Effect
    confidence: Confidence  # low unless Apple says it
    statement: str
    remedy: str
    sources: tuple[Source, ...]
    find: Callable[[Scene], Found | None]

    @property
    def basis(self) -> str:
        """Who says so: Apple, or others who measured it."""
        return "Apple" if any(source.apple for source in self.sources) else THIRD_PARTY


def found(operations: Iterable[Any], detail: str = "") -> Found | None:
    """The operations that a rule applies to; None when there are none."""
    return named(((op.op_type, op.name) for op in operations), detail)


def named(things: Iterable[tuple[str, str]], detail: str = "") -> Found | None:
    """As `found`, for kinds and names: inputs, states."""
    hits = list(things)
    if not hits:
        return None
    kinds = Counter(kind for kind, _ in hits)
    return Found(dict(kinds.most_common()), tuple(name for _, name in hits[:EXAMPLES]), detail)
