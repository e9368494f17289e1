"""How the next token is chosen from logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.errors import RecipeError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Sampling:
    """The filters, in the order in which they are applied (transformers' order); the defaults are greedy."""

    repetition_penalty: float = 1.0  # divides positive logits of tokens seen before (Keskar et al., 2019)
    temperature: float = 0.0  # of the softmax; 0 takes the likeliest
    top_k: int = 0  # likeliest tokens to draw from; 0: all
    top_p: float = 1.0  # the fewest tokens with this much probability (Holtzman et al., 2020)
    min_p: float = 0.0  # tokens with at least this share of the likeliest's probability (Nguyen et al., 2024)
    seed: int | None = None  # None draws anew each time

    def check(self) -> None:
        """Raises:
        RecipeError: a value out of range; it is named.
        """
        for wrong, told in (
            (self.repetition_penalty <= 0, "repetition_penalty must be above 0"),
            (self.temperature < 0, "temperature must not be negative"),
            (self.top_k < 0, "top_k must not be negative"),
            (not 0 < self.top_p <= 1, "top_p must be above 0 and at most 1"),
            (not 0 <= self.min_p <= 1, "min_p must be 0 to 1"),
        ):
            if wrong:
                raise RecipeError(f"{told[0].upper()}{told[1:]}.", remedy="Choose a value in range.")


def probabilities(logits: np.ndarray, sampling: Sampling, seen: Sequence[int]) -> np.ndarray:
    """What the next token is drawn from, float64 `[V]`; 0 where a filter took a token out.

    Args:
        logits: float32 `[V]`.
        seen: ids of the text so far, prompt included.
    """
    import numpy as np

    scores = penalised(logits, sampling.repetition_penalty, seen) / sampling.temperature
    if 0 < sampling.top_k < len(scores):
        least = np.partition(scores, -sampling.top_k)[-sampling.top_k]
        scores[scores < least] = -np.inf
    found = _softmax(scores)
    if sampling.top_p < 1:
        order = np.argsort(-found, kind="stable")
        before = np.cumsum(found[order]) - found[order]
        found[order[before >= sampling.top_p]] = 0
    if sampling.min_p > 0:
        found[found < sampling.min_p * found.max()] = 0
    return found / found.sum()


def penalised(logits: np.ndarray, penalty: float, seen: Sequence[int]) -> np.ndarray:
    """A float64 copy in which tokens seen before are less likely."""
    import numpy as np

    scores = logits.astype(np.float64)
    if penalty != 1.0 and seen:
        known = np.unique(np.asarray(seen))
        scores[known] = np.where(scores[known] > 0, scores[known] / penalty, scores[known] * penalty)
    return scores


def choose(logits: np.ndarray, sampling: Sampling, seen: Sequence[int], random: np.random.Generator) -> int:
    """The next token's id."""
    if sampling.temperature == 0:
        return int(penalised(logits, sampling.repetition_penalty, seen).argmax())
    return int(random.choice(len(logits), p=probabilities(logits, sampling, seen)))


def _softmax(scores: np.ndarray) -> np.ndarray:
    import numpy as np

    powers = np.exp(scores - scores.max())
    return powers / powers.sum()
